"""Transactions under every schedule: what is written together, who is fenced, and what an error asks for."""

from dataclasses import replace

import pytest

from unreliable import Anomaly, Process, Program, Scenario, Schedule, World, explore, replay
from unreliable.clients.confluent_kafka import KafkaException
from unreliable.kafka.transactional import ALLOWED
from unreliable.kafka.transactions import ENDS

NOTHING = Program("")
TRANSACTIONAL = {"transactional.id": "t"}


def read(world: World, partition: int = 0) -> list[str]:
    """What a read_committed reader is given."""
    return [(record.value or b"").decode() for record in world.broker.logs["orders", partition].committed()]


def nothing_wrong(_: World) -> None:
    return None


def scenario(*runs, faults=(), check=nothing_wrong, partitions: int = 1, starts=(), **producer) -> Scenario:
    settings = TRANSACTIONAL | {name.replace("_", "."): value for name, value in producer.items()}
    processes = tuple(
        Process(run.__name__, run, producer=settings, start_ms=(*starts, *(0 for _ in runs))[number])
        for number, run in enumerate(runs)
    )
    return Scenario("orders", processes, check, topics=(("orders", partitions),), faults=frozenset(faults))


def seen(of: Scenario) -> list:
    """What the processes of the scenario noted in a faultless run."""
    NOTED.clear()
    replay(of, NOTHING)
    return list(NOTED)


NOTED: list = []


async def attempt(what) -> None:
    """Notes the result or the error: its name, and what it asks for."""
    try:
        NOTED.append(await what)
    except KafkaException as exception:
        error = exception.args[0]
        kinds = {"fatal": error.fatal(), "retriable": error.retriable(), "abort": error.txn_requires_abort()}
        NOTED.append(" ".join([error.name(), *(kind for kind, is_so in kinds.items() if is_so)]))


async def send(producer, *values: str) -> None:
    for partition, value in enumerate(values):
        await (await producer.produce("orders", value, partition=partition))


async def two_orders(producer):
    await producer.init_transactions()
    for number in (1, 2):
        await producer.begin_transaction()
        await send(producer, f"order {number}", f"event {number}")
        await insist(producer.commit_transaction)


async def insist(end) -> None:
    """Asks again as long as the answer does not come."""
    while True:
        try:
            await end(1)
            return
        except KafkaException as exception:
            if not exception.args[0].retriable():
                raise


def together(world: World) -> Anomaly | None:
    """An order is read if, and as often as, its event is."""
    orders, events = ([value.split()[1] for value in read(world, partition)] for partition in (0, 1))
    return None if orders == events else Anomaly("torn write", f"There are orders {orders}, events {events}.")


@pytest.mark.parametrize("version", [1, 2])
def test_what_one_transaction_writes_is_read_together_or_not_at_all(version: int):
    of = scenario(two_orders, faults=("crash", "lose", "retry", "move"), check=together, partitions=2)
    verdict = explore(replace(of, transaction_version=version), NOTHING, budget=2)
    assert verdict.anomaly is None
    assert verdict.exhausted


def test_without_transactions_the_same_program_tears():
    async def torn(producer):
        for number in (1, 2):
            await send(producer, f"order {number}", f"event {number}")

    process = Process("torn", torn)
    verdict = explore(
        replace(scenario(torn, faults=("crash",), check=together, partitions=2), processes=(process,)), NOTHING, 1
    )
    assert verdict.anomaly is not None
    assert verdict.anomaly.name == "torn write"


def test_rule_10_who_initialises_aborts_what_its_predecessor_left():
    async def first(producer):
        await producer.init_transactions()
        await producer.begin_transaction()
        await send(producer, "left open")

    async def second(producer):
        await producer.init_transactions()
        await producer.begin_transaction()
        await send(producer, "done")
        await producer.commit_transaction()

    world = replay(scenario(first, second, starts=(0, 100)), NOTHING).trace
    assert [event.label for event in world.events if event.kind == "marker"] == [
        "@1 abort marker",
        "@3 commit marker",
    ]


def test_rule_11_who_was_fenced_is_fenced_for_ever():
    async def zombie(producer, clock):
        await producer.init_transactions()
        await producer.begin_transaction()
        await send(producer, "z")
        await clock.sleep(1)
        await attempt(producer.commit_transaction())
        await attempt(producer.abort_transaction())
        await attempt(producer.begin_transaction())
        await attempt(send(producer, "z"))

    async def another(producer):
        await producer.init_transactions()

    fenced = "_FENCED fatal"
    assert seen(scenario(zombie, another, starts=(0, 500))) == [fenced, fenced, fenced, "_FATAL"]


@pytest.mark.parametrize("late_s", [0, 1])
def test_a_fenced_producer_writes_nowhere(late_s: int):
    async def zombie(producer, clock):
        await producer.init_transactions()
        await producer.begin_transaction()
        if late_s:
            await send(producer, "before")
        await clock.sleep(1)
        await attempt(send(producer, "zombie"))

    async def another(producer):
        await producer.init_transactions()

    assert seen(scenario(zombie, another, starts=(0, 500))) == ["_FENCED fatal"]


def test_rule_16_a_transaction_that_takes_too_long_is_aborted():
    async def slow(producer, clock):
        await producer.init_transactions()
        await producer.begin_transaction()
        await send(producer, "slow")
        await clock.sleep(3)
        await attempt(producer.commit_transaction())

    assert seen(scenario(slow, transaction_timeout_ms=2_000)) == ["_FENCED fatal"]
    assert seen(scenario(slow, transaction_timeout_ms=4_000)) == [None]


def test_rule_16_a_timeout_has_a_limit():
    async def init(producer):
        await attempt(producer.init_transactions())

    assert seen(scenario(init, transaction_timeout_ms=900_001)) == ["INVALID_TRANSACTION_TIMEOUT fatal"]


@pytest.mark.parametrize(
    ("before", "left"), [("the produce", ["zombie"]), ("the delivery", []), ("the commit", [])]
)
def test_rule_16_a_paused_producer_that_wakes_after_its_timeout_cannot_commit(before: str, left: list[str]):
    found: list[list[str]] = []

    async def one(producer):
        await producer.init_transactions()
        await producer.begin_transaction()
        await send(producer, "zombie")
        await attempt(producer.commit_transaction())

    def look(world: World) -> None:
        found.append(read(world))

    NOTED.clear()
    choice = {"the produce": 2, "the delivery": 3, "the commit": 4}[before]
    replay(
        scenario(one, faults=("pause",), check=look, transaction_timeout_ms=5_000),
        NOTHING,
        Schedule(((choice, 1),)),
    )
    assert found == [left]
    assert [None if left else "_FENCED fatal"] == NOTED


def test_what_is_not_answered_may_be_asked_for_again_and_nothing_else():
    async def one(producer):
        await producer.init_transactions()
        await producer.begin_transaction()
        await send(producer, "a")
        await attempt(producer.commit_transaction(1))
        await attempt(producer.abort_transaction(1))
        await attempt(producer.begin_transaction())
        await attempt(producer.commit_transaction(1))
        await attempt(producer.begin_transaction())

    of = scenario(one, faults=("lose",))
    for option in (1, 2):
        NOTED.clear()
        run = replay(of, NOTHING, Schedule(((4, option),)))
        assert NOTED == ["_TIMED_OUT retriable", "_CONFLICT retriable", "_CONFLICT retriable", None, None]
        assert [event.label for event in run.trace.events if event.kind == "marker"] == ["@1 commit marker"]


def test_a_transaction_of_which_something_was_not_delivered_has_to_be_aborted():
    async def one(producer):
        await producer.init_transactions()
        await producer.begin_transaction()
        await producer.produce("orders", "x" * 100, partition=0)
        await attempt(producer.commit_transaction())
        await attempt(producer.commit_transaction())
        await attempt(producer.begin_transaction())
        await attempt(producer.abort_transaction())
        await attempt(producer.begin_transaction())

    of = replace(scenario(one), max_message_bytes=100)
    assert seen(of) == ["_INCONSISTENT abort"] * 3 + [None, None]


def test_what_belongs_to_no_transaction_is_refused():
    async def one(producer):
        await attempt(producer.begin_transaction())
        await attempt(send(producer, "a"))
        await attempt(producer.init_transactions())
        await attempt(producer.init_transactions())
        await attempt(producer.commit_transaction())
        await attempt(send(producer, "a"))

    assert seen(scenario(one)) == ["_STATE", "_STATE", None, "_STATE", "_STATE", "_STATE"]
    without = replace(scenario(one), processes=(Process("one", one),))
    assert seen(without)[0] == "_NOT_CONFIGURED"


def late_commit(world: World) -> Anomaly | None:
    """What the program aborted is never read."""
    return Anomaly("aborted read", "b was aborted.") if "b" in read(world) else None


async def commits_then_aborts(producer):
    await producer.init_transactions()
    await producer.begin_transaction()
    await send(producer, "a")
    await insist(producer.commit_transaction)
    await producer.begin_transaction()
    await send(producer, "b")
    try:
        await insist(producer.abort_transaction)
    except KafkaException as exception:
        assert exception.args[0].fatal()  # INVALID_TXN_STATE: it is committed  # noqa: PT017


def test_rule_15_with_version_1_a_commit_that_comes_twice_commits_the_next_transaction():
    of = scenario(commits_then_aborts, faults=("duplicate",), check=late_commit)
    verdict = explore(of, NOTHING, budget=1)
    assert verdict.anomaly is not None
    assert verdict.anomaly.name == "aborted read"


def test_rule_13_with_version_2_every_end_has_an_epoch_of_its_own():
    of = scenario(commits_then_aborts, faults=("duplicate", "lose", "retry"), check=late_commit)
    verdict = explore(replace(of, transaction_version=2), NOTHING, budget=2)
    assert verdict.anomaly is None


def test_rule_12_what_is_decided_is_done_when_the_coordinator_has_moved():
    of = scenario(two_orders, faults=("move", "crash"), check=together, partitions=2)
    moved = replay(of, NOTHING, Schedule(((6, 2),)))
    kinds = [event.kind for event in moved.trace.events]
    assert kinds.count("marker") == 4
    assert moved.anomaly is None


def test_a_lost_acknowledgement_makes_no_difference_to_a_transaction():
    of = scenario(two_orders, faults=("lose",), partitions=2)
    assert explore(of, NOTHING, budget=1).run == 1 + 2 * 2  # only the two commits can get lost, or their answers


def test_the_tables_say_something_of_every_state():
    assert {state for state, _ in ENDS} == {
        state for state, _ in ENDS if (state, True) in ENDS and (state, False) in ENDS
    }
    assert {wish for wishes in ALLOWED.values() for wish in wishes} == {
        *("init", "begin", "produce", "send offsets", "commit", "abort")
    }
