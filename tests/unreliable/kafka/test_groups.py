"""Rebalances: who is told what, who may commit, and how long the others wait."""

from collections.abc import Callable
from typing import Any

import pytest

from unreliable import Process, Program, Scenario, Schedule, World, explore, replay
from unreliable.choices import Choices
from unreliable.clients.confluent_kafka import KafkaException, TopicPartition
from unreliable.database import Database
from unreliable.explore import beside

NOTHING = Program("")
COOPERATIVE = {"partition.assignment.strategy": "cooperative-sticky"}


def scenario(*processes: Process, partitions: int = 2, faults: tuple[str, ...] = (), pause_ms: int = 8_000):
    return Scenario(
        "orders",
        processes,
        check=lambda _: None,
        topics=(("orders", partitions),),
        faults=frozenset(faults),
        pause_ms=pause_ms,
    )


def texts(found: Scenario, schedule: str = "faultless") -> list[str]:
    """What happened, in sentences."""
    return [event.text for event in replay(found, NOTHING, Schedule.parse(schedule)).trace.events]


def when(found: Scenario, text: str, schedule: str = "faultless") -> int:
    """The virtual time, in ms, of the first event that says so."""
    events = replay(found, NOTHING, Schedule.parse(schedule)).trace.events
    return next(event.time_ms for event in events if text in event.text)


def fault(found: Scenario, kind: str, of: Callable[[list[str]], bool]) -> str:
    """The first schedule with one fault of this kind whose story is as wanted."""
    choices = Choices()
    database = Database("")
    World(found, beside(NOTHING), choices, database).run()
    database.close()
    for choice, options in enumerate(choices.met):
        if kind in options:
            token = f"{choice}.{options.index(kind)}"
            if of(texts(found, token)):
                return token
    raise AssertionError(f"no {kind} ends like that")


class Told:
    """Callbacks that note what they are told, as (name, numbers of partitions)."""

    def __init__(self) -> None:
        self.told: list[tuple[str, list[int]]] = []

    def note(self, name: str):
        async def callback(consumer: Any, partitions: list[TopicPartition]) -> None:
            self.told.append((name, [partition.partition for partition in partitions]))

        return callback

    def callbacks(self) -> dict[str, Any]:
        return {f"on_{name}": self.note(name) for name in ("assign", "revoke", "lost")}


async def polls(consumer, times: int = 6) -> None:
    for _ in range(times):
        await consumer.poll(1.0)


def two(first: Any, **settings: Any) -> tuple[Process, Process]:
    """`first`, and three seconds later another that polls for two seconds and leaves."""

    async def second(consumer):
        await consumer.subscribe(["orders"])
        await polls(consumer, 2)
        await consumer.close()

    config = dict(settings)
    return Process("first", first, consumer=config), Process("second", second, start_ms=3_000, consumer=config)


def subscribed(told: Told, times: int = 12):
    async def first(consumer):
        await consumer.subscribe(["orders"], **told.callbacks())
        await polls(consumer, times)

    return first


def test_under_the_eager_protocol_everything_is_given_up_and_assigned_anew():
    told = Told()
    texts(scenario(*two(subscribed(told))))
    alone, shared = ("assign", [0, 1]), ("assign", [0])
    assert told.told == [alone, ("revoke", [0, 1]), shared, ("revoke", [0]), alone]


def test_under_the_cooperative_protocol_only_the_difference_moves():
    told = Told()
    texts(scenario(*two(subscribed(told), **COOPERATIVE)))
    alone, nothing = ("assign", [0, 1]), ("assign", [])
    assert told.told == [alone, ("revoke", [1]), nothing, nothing, ("assign", [1])]


def test_a_cooperative_member_reads_on_while_another_does_not_poll():
    """Three partitions: the first has two, the busy one has one; then a third member joins."""

    async def busy(consumer, clock):
        await consumer.poll(1.0)
        await clock.sleep(9)
        await polls(consumer)

    def read_at(**settings: Any) -> int:
        processes = (
            Process("first", polls_only, consumer=settings),
            Process("later busy", busy, consumer=settings),
            Process("third", polls_only, consumer=settings, start_ms=2_000),
            sends(0, at_ms=4_000),
        )
        return when(scenario(*processes, partitions=3), "reads 0")

    assert read_at(**COOPERATIVE) == 4_000
    assert read_at() > 10_000


def test_a_member_that_works_on_keeps_the_others_waiting():
    async def busy(consumer, clock):
        await consumer.poll(1.0)
        await clock.sleep(10)
        await consumer.poll(1.0)

    found = scenario(Process("first", busy), Process("second", polls_only, start_ms=3_000))
    assert when(found, "second is given") > 10_000


def test_a_consumer_that_closes_leaves_at_once_and_one_that_returns_when_its_session_is_over():
    async def closes(consumer):
        await polls(consumer, 1)
        await consumer.close()

    async def returns(consumer):
        await polls(consumer, 1)

    assert not any("session" in text for text in texts(scenario(Process("first", closes))))
    assert any("session of first is over" in text for text in texts(scenario(*two(returns))))


def commits(told: list[str], clock_s: float = 0):
    """Polls a message, may take its time, and tells what becomes of its commit."""

    async def first(producer, consumer, clock):
        await producer.produce("orders", "a", partition=0)
        message = None
        while message is None:
            message = await consumer.poll(1.0)
        await clock.sleep(clock_s)
        try:
            await consumer.commit(message=message, asynchronous=False)
            told.append("committed")
        except KafkaException as error:
            told.append(error.args[0].name())

    return first


def sends(*partitions: int, at_ms: int) -> Process:
    """A record into each of these partitions."""

    async def send(producer):
        for partition in partitions:
            await producer.produce("orders", f"{partition}", partition=partition)

    return Process("producer", send, start_ms=at_ms, faults=frozenset())


def test_rule_25_who_was_silent_for_a_session_is_unknown():
    told: list[str] = []
    found = scenario(*two(commits(told)), faults=("pause",))
    fault(found, "pause", lambda _: told[-1:] == ["UNKNOWN_MEMBER_ID"])


async def polls_only(consumer):
    while True:
        await consumer.poll(1.0)


def test_a_static_member_that_is_back_within_its_session_is_given_the_same_without_a_rebalance():
    def story(**first: Any) -> list[str]:
        config = {"session.timeout.ms": 30_000}
        processes = (
            Process("first", polls_only, consumer=config | first),
            Process("second", polls_only, start_ms=1_000, faults=frozenset(), consumer=config),
            sends(0, at_ms=2_000),
        )
        found = scenario(*processes, faults=("crash",))
        reads, crashes = "first reads 0: offset 0 of orders-0", "first crashes before polling"
        schedule = fault(found, "crash", lambda story: reads in story[: story.index(crashes)])
        story = texts(found, schedule)
        return story[story.index("first restarts with an empty memory") :]

    given = "second is given orders-1 from offset 0"
    static = story(**{"group.instance.id": "one"})
    assert given not in static
    assert not any("session" in text for text in static)
    assert given in story()


def test_who_is_not_back_within_its_session_is_out_static_or_not():
    config = {"group.instance.id": "one"}
    second = Process("second", polls_only, faults=frozenset())
    processes = (Process("first", polls_only, consumer=config), second, sends(0, at_ms=1_000))
    found = scenario(*processes, faults=("crash",))
    assert fault(found, "crash", lambda story: any("session of first is over" in text for text in story))


def test_who_does_not_poll_in_time_has_to_leave_and_hears_that_its_partitions_are_lost():
    told = Told()
    errors: list[str] = []

    async def first(consumer, clock):
        await consumer.subscribe(["orders"], **told.callbacks())
        await polls(consumer, 1)
        await clock.sleep(5)
        message = await consumer.poll(1.0)
        errors.append(message.error().name())
        await polls(consumer, 3)

    found = scenario(*two(first, **{"max.poll.interval.ms": 4_000, "session.timeout.ms": 4_000}))
    assert when(found, "second is given orders-0") < 5_500
    assert errors[0] == "_MAX_POLL_EXCEEDED"
    assert told.told[:2] == [("assign", [0, 1]), ("lost", [0, 1])]


def test_an_exception_in_a_callback_comes_out_of_poll_and_the_partitions_are_given_up_all_the_same():
    seen: list[str] = []

    async def first(consumer):
        async def on_revoke(consumer, partitions):
            raise ValueError("no")

        await consumer.subscribe(["orders"], on_revoke=on_revoke)
        for _ in range(8):
            try:
                await consumer.poll(1.0)
            except ValueError as error:
                seen.append(str(error))

    assert any("second is given orders-1" in text for text in texts(scenario(*two(first))))
    assert seen


def test_a_callback_is_a_place_to_crash_like_any_other():
    async def first(consumer, clock):
        async def on_revoke(consumer, partitions):
            await clock.sleep(0.1)

        await consumer.subscribe(["orders"], on_revoke=on_revoke)
        await polls(consumer, 8)

    found = scenario(*two(first), faults=("crash",))
    story = texts(found, fault(found, "crash", lambda story: "first crashes before sleeping" in story))
    at = story.index("first crashes before sleeping")
    assert "first hears in on_revoke that it has to give up orders-0, orders-1" in story[:at]


@pytest.mark.parametrize("standing_by", [1, 2])
def test_a_rebalance_is_a_fault_for_each_that_stands_by(standing_by: int):
    others = [Process(f"other {number}", polls_only, start_ms=None) for number in range(standing_by)]
    found = scenario(Process("first", polls_only), *others, faults=("rebalance",))
    starts: set[int] = set()
    for budget in range(4):
        verdict = explore(found, NOTHING, budget=budget)
        starts.add(verdict.covered)
        assert verdict.exhausted
    assert len(starts) == standing_by + 1


def test_who_stands_by_is_not_in_the_story_before_it_is_started():
    found = scenario(
        Process("first", polls_only), Process("other", polls_only, start_ms=None), faults=("rebalance",)
    )
    assert replay(found, NOTHING).trace.lanes == ["first"]
    joined = fault(found, "rebalance", lambda story: "other joins its consumer group" in story)
    assert replay(found, NOTHING, Schedule.parse(joined)).trace.lanes == ["first", "other"]


def test_a_consumer_by_hand_has_no_group():
    seen: list[Any] = []

    async def first(producer, consumer):
        await producer.produce("orders", "a", partition=1)
        await consumer.assign([TopicPartition("orders", 1, 0)])
        message = await consumer.poll(1.0)
        seen.append((await consumer.assignment(), message.value()))

    assert not any("joins" in text for text in texts(scenario(Process("first", first))))
    assert seen == [([TopicPartition("orders", 1)], b"a")]
