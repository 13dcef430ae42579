"""Share groups: what is locked, what comes again, and what is given up."""

from typing import Any

import pytest

from unreliable import Anomaly, Process, Program, Scenario, World, explore, replay
from unreliable.clients.confluent_kafka import AcknowledgeType, IllegalStateException
from unreliable.kafka.log import Log
from unreliable.kafka.share_groups import ACKNOWLEDGED, ARCHIVED, AVAILABLE, DELIVERIES, MOVES, ShareGroup
from unreliable.requests import Produce

NOTHING = Program("")
EXPLICIT = {"share.acknowledgement.mode": "explicit"}
A, B = ("a", 1), ("b", 1)
FIRST = ("orders", 0, 0)


@pytest.fixture
def group() -> ShareGroup:
    log = Log(("orders", 0))
    for number in range(3):
        log.append(Produce("orders", b"%d" % number, None, 0, ()))
    return ShareGroup({("orders", 0): log})


def take(group: ShareGroup, member: tuple[str, int]) -> list[tuple[int, int]]:
    """Offsets and delivery counts of what the member acquires."""
    return [(record.offset, count) for record, count in group.acquire(member, ("orders",), 30_000)]


def test_rule_32_what_is_acquired_is_nobody_elses(group: ShareGroup):
    assert take(group, A) == [(0, 1), (1, 1), (2, 1)]
    assert take(group, B) == []
    assert not group.acknowledge(B, FIRST, "accept")
    second = ("orders", 0, 1)
    assert group.acknowledge(A, second, "accept")
    assert not group.acknowledge(A, second, "accept"), "it is not its own any more"


def test_of_what_lies_before_the_first_open_record_nothing_is_said(group: ShareGroup):
    take(group, A)
    group.over(A, FIRST, count=1)
    take(group, B)
    assert not group.acknowledge(A, FIRST, "accept")
    assert group.acknowledge(B, FIRST, "accept")
    assert group.acknowledge(A, FIRST, "accept"), "all up to it is done, whoever did it"
    assert group.unfinished("orders") == 2


def test_rule_32_released_records_come_again_and_rejected_ones_do_not(group: ShareGroup):
    take(group, A)
    group.acknowledge(A, FIRST, "release")
    group.acknowledge(A, ("orders", 0, 1), "reject")
    assert take(group, B) == [(0, 2)]
    assert group.archived("orders") == [("orders", 0, 1)]
    assert group.unfinished("orders") == 2


def test_rule_32_a_lock_that_is_over_lets_another_have_the_record(group: ShareGroup):
    take(group, A)
    assert group.over(A, FIRST, count=1)
    assert not group.acknowledge(A, FIRST, "accept")
    assert take(group, B) == [(0, 2)]
    assert not group.over(A, FIRST, count=1), "that lock is another's now"


def test_rule_32_after_five_deliveries_a_record_is_archived(group: ShareGroup):
    for count in range(DELIVERIES):
        assert (0, count + 1) in take(group, A)
        group.release_all(A)
    assert group.deliveries[FIRST].state == ARCHIVED


def test_what_failed_often_comes_alone(group: ShareGroup):
    sizes: list[int] = []
    for _ in range(6):
        sizes.append(len(take(group, A)))
        group.release_all(A)
    assert sizes == [3, 3, 3, 1, 1, 1]


def test_records_end_acknowledged_or_archived():
    assert {after for (_, event), after in MOVES.items() if event in {"accept", "reject"}} == {
        ACKNOWLEDGED,
        ARCHIVED,
    }
    assert MOVES[AVAILABLE, "acquire"] == "Acquired"


async def produce(producer):
    for number in range(3):
        await producer.produce("orders", f"{number}", partition=0)


def scenario(run: Any, *others: Process, pause_ms: int = 40_000, **config: Any) -> Scenario:
    processes = (
        Process("producer", produce, faults=frozenset()),
        Process("worker", run, start_ms=100, consumer=config),
        *others,
    )
    tables = "CREATE TABLE done (id TEXT NOT NULL)"
    return Scenario("orders", processes, each_once, topics=(("orders", 1),), tables=tables, pause_ms=pause_ms)


def each_once(world: World) -> Anomaly | None:
    done = [row[0] for row in world.database.query("SELECT id FROM done ORDER BY rowid")]
    if len(set(done)) < 3:
        return Anomaly("lost message", f"only {done} were done")
    if len(done) > 3:
        return Anomaly("duplicate effect", f"{done} were done")
    lag = world.broker.lag("group", "orders")
    return Anomaly("stuck", f"{lag} are not acknowledged") if lag else None


async def works(share_consumer, db):
    while True:
        for message in await share_consumer.poll(1.0):
            await db.execute("INSERT INTO done (id) VALUES (%s)", (message.value().decode(),))
            share_consumer.acknowledge(message)
        await share_consumer.commit_sync()


async def works_implicitly(share_consumer, db):
    while True:
        for message in await share_consumer.poll(1.0):
            await db.execute("INSERT INTO done (id) VALUES (%s)", (message.value().decode(),))


async def forgets(share_consumer, db):
    """Takes what it has polled for done: the next poll says so, before it is."""
    while True:
        messages = await share_consumer.poll(1.0)
        for message in messages:
            share_consumer.acknowledge(message)
        await share_consumer.commit_sync()
        for message in messages:
            await db.execute("INSERT INTO done (id) VALUES (%s)", (message.value().decode(),))


def found(run: Any, fault: str, **config: Any) -> str:
    other = Process("other", run, start_ms=200, faults=frozenset(), consumer=config)
    anomaly = explore(scenario(run, other, **config).with_faults(fault), NOTHING, budget=1).anomaly
    return "nothing" if anomaly is None else anomaly.name


@pytest.mark.parametrize(("run", "config"), [(works, EXPLICIT), (works_implicitly, {})])
def test_without_faults_everything_is_done_and_acknowledged(run: Any, config: dict[str, Any]):
    verdict = explore(scenario(run, **config), NOTHING, budget=0)
    assert verdict.passed, verdict.sentence


def test_a_crash_after_the_work_makes_it_come_again():
    assert found(works, "crash", **EXPLICIT) == "duplicate effect"


def test_who_stands_still_longer_than_the_lock_does_it_again_although_another_did():
    assert found(works, "pause", **EXPLICIT) == "duplicate effect"


def test_who_acknowledges_first_loses_what_it_had():
    assert found(forgets, "crash", **EXPLICIT) == "lost message"


def test_a_late_acknowledgement_is_refused_with_121():
    codes: list[Any] = []

    async def late(share_consumer, clock):
        messages = await share_consumer.poll(1.0)
        await clock.sleep(31)
        for message in messages:
            share_consumer.acknowledge(message)
        for failure in (await share_consumer.commit_sync()).values():
            codes.append(failure and failure.args[0].code())

    replay(scenario(late, **EXPLICIT), NOTHING)
    assert codes == [121]


def test_explicitly_everything_has_to_be_acknowledged_before_the_next_poll():
    said: list[str] = []

    async def polls_on(share_consumer):
        messages = await share_consumer.poll(1.0)
        share_consumer.acknowledge(messages[0], AcknowledgeType.RELEASE)
        try:
            await share_consumer.poll(1.0)
        except IllegalStateException as error:
            said.append(str(error))

    replay(scenario(polls_on, **EXPLICIT), NOTHING)
    assert said == ["2 records from previous poll have not been acknowledged"]


def test_a_record_that_always_fails_is_given_up_and_the_others_are_not():
    async def always_fails(share_consumer, db):
        while True:
            for message in await share_consumer.poll(1.0):
                if message.value() == b"1":
                    share_consumer.acknowledge(message, AcknowledgeType.RELEASE)
                else:
                    share_consumer.acknowledge(message)
            await share_consumer.commit_sync()

    trace = replay(scenario(always_fails, **EXPLICIT), NOTHING).trace
    tries = [event.text for event in trace.events if event.text.startswith("worker acquires 1")]
    assert len(tries) == DELIVERIES
    assert tries[-1].endswith("delivery 5")
