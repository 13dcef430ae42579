"""The position of the commit decides: committed first is at most once, committed last is at least once.

The tests read as the specification. Each lets the submission run under every schedule of its kind of fault.
"""

from dataclasses import replace

from unreliable import Anomaly, Process, Scenario, World

MESSAGES = ("m1", "m2", "m3")


async def publish_newsletters(producer):
    """Puts the newsletters into their topic."""
    await publish(producer, "newsletters")


async def publish_alarms(producer):
    """Puts the alarms into their topic."""
    await publish(producer, "alarms")


async def publish(producer, topic):
    for message in MESSAGES:
        await producer.produce(topic, message)


def the_promise_is_kept(world: World) -> Anomaly | None:
    """No newsletter twice, no alarm missing, and no more damage than one message a fault.

    The number of faults may stand in this check, although two runs that end alike may have met a different number:
    of such runs the one with fewer faults is judged, and more faults never allow less.
    """
    for topic, _ in world.scenario.topics:
        anomaly = broken_promise(world, topic) or (None if world.choices.faults else unfinished(world, topic))
        if anomaly is not None:
            return anomaly
    return None


def broken_promise(world: World, topic: str) -> Anomaly | None:
    """A message too many, or too few."""
    sent = sent_to(world, topic)
    missing = [message for message in MESSAGES if message not in sent]
    again = [message for message in MESSAGES for _ in range(sent.count(message) - 1)]
    faults = world.choices.faults
    if again and topic == "newsletters":
        return Anomaly("duplicate effect", f"Newsletter {again[0]} was sent twice; promised is at most once.")
    if missing and topic == "alarms":
        return Anomaly("lost message", f"Alarm {missing[0]} was never sent; promised is at least once.")
    if len(missing) > faults:
        return Anomaly("lost message", f"{too_many(missing, faults)} never sent.")
    if len(again) > faults:
        return Anomaly("duplicate effect", f"{too_many(again, faults)} sent again.")
    return None


def unfinished(world: World, topic: str) -> Anomaly | None:
    """What has to be so at the end of a run without faults."""
    sent = sent_to(world, topic)
    if sent != list(MESSAGES):
        return Anomaly("reordering", f"Nothing failed, and the {topic} were sent in the order {', '.join(sent)}.")
    if world.broker.lag(topic, topic):
        return Anomaly("stuck", f"All {topic} were sent, but the offset of the last was never committed.")
    return None


def sent_to(world: World, topic: str) -> list[str]:
    return [message for (message,) in world.database.query(f"SELECT id FROM {topic} ORDER BY rowid")]


def too_many(messages: list[str], faults: int) -> str:
    return f"{faults} fault{'s' * (faults != 1)} may cost as many messages, but {', '.join(messages)} were"


AT_MOST_ONCE = Process("newsletter", "at_most_once", ("consumer", "db"), "newsletters", ("newsletters",), 100)
AT_LEAST_ONCE = Process("alarm", "at_least_once", ("consumer", "db"), "alarms", ("alarms",), 100)
SCENARIO = Scenario(
    name="commit position",
    processes=(
        Process("editor", publish_newsletters, faults=frozenset()),
        AT_MOST_ONCE,
        Process("sensor", publish_alarms, faults=frozenset()),
        AT_LEAST_ONCE,
    ),
    check=the_promise_is_kept,
    topics=(("newsletters", 1), ("alarms", 1)),
    most_steps=300,
    tables="CREATE TABLE newsletters (id TEXT NOT NULL); CREATE TABLE alarms (id TEXT NOT NULL);",
)
NEWSLETTERS = replace(SCENARIO, processes=SCENARIO.processes[:2], topics=(("newsletters", 1),))
ALARMS = replace(SCENARIO, processes=SCENARIO.processes[2:], topics=(("alarms", 1),))


def with_a_second(scenario: Scenario) -> Scenario:
    """The same with another consumer in the group, to which the partition goes when the first stands still."""
    source, consumer = scenario.processes
    first = replace(consumer, name=f"{consumer.name} A")
    second = replace(consumer, name=f"{consumer.name} B", faults=frozenset())
    return replace(scenario, processes=(source, first, second))


def test_at_most_once_without_faults(verify):
    """Without any fault each newsletter is sent once, and committed."""
    verify(NEWSLETTERS)


def test_at_most_once_and_crashes(verify):
    """A crash at any await may cost a newsletter; none is sent twice."""
    verify(NEWSLETTERS.with_faults("crash"))


def test_at_most_once_and_a_commit_without_an_answer(verify):
    """Who has not heard that the offset is committed must not send."""
    verify(NEWSLETTERS.with_faults("lose", "crash"))


def test_at_most_once_and_a_gateway_that_fails(verify):
    """A failing gateway costs one newsletter, not all that follow."""
    verify(NEWSLETTERS.with_faults("error", "crash"))


def test_at_most_once_and_a_partition_that_moves(verify):
    """Who has lost the partition while standing still must not send."""
    verify(with_a_second(NEWSLETTERS).with_faults("pause", "crash"))


def test_at_least_once_without_faults(verify):
    """Without any fault each alarm is sent once, and committed."""
    verify(ALARMS)


def test_at_least_once_and_crashes(verify):
    """A crash at any await may repeat an alarm; none is missing."""
    verify(ALARMS.with_faults("crash"))


def test_at_least_once_and_a_commit_without_an_answer(verify):
    """A commit whose answer is lost may repeat an alarm; none is missing."""
    verify(ALARMS.with_faults("lose", "crash"))


def test_at_least_once_and_a_gateway_that_fails(verify):
    """An alarm that could not be sent is not done."""
    verify(ALARMS.with_faults("error", "crash"))


def test_at_least_once_and_a_partition_that_moves(verify):
    """Two consumers may both send an alarm when the partition moves; none is missing."""
    verify(with_a_second(ALARMS).with_faults("pause", "crash"))
