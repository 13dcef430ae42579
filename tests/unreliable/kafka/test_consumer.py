"""What the client library does by itself, and what it leaves to the application."""

from typing import Any

import pytest

from unreliable import Anomaly, Process, Program, Scenario, World, explore, replay

NOTHING = Program("")


async def produce(producer):
    for number in range(3):
        await producer.produce("orders", f"{number}", partition=0)


def each_once(world: World) -> Anomaly | None:
    seen = [row[0] for row in world.database.query("SELECT id FROM seen ORDER BY rowid")]
    if len(seen) < 3:
        return Anomaly("lost message", f"only {seen} were handled")
    return Anomaly("duplicate effect", f"{seen} were handled") if len(seen) > 3 else None


def scenario(run: Any, **settings: Any) -> Scenario:
    processes = (
        Process("producer", produce, faults=frozenset()),
        Process("consumer", run, start_ms=100, consumer=settings),
    )
    tables = "CREATE TABLE seen (id TEXT NOT NULL)"
    return Scenario("orders", processes, each_once, topics=(("orders", 1),), tables=tables)


async def handles(consumer, db):
    """Takes its time with each message, and leaves committing to the client."""
    while True:
        message = await consumer.poll(1.0)
        if message is not None:
            await db.execute("INSERT INTO seen (id) VALUES (%s)", (message.value().decode(),))


async def stores_what_is_done(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is not None:
            await db.execute("INSERT INTO seen (id) VALUES (%s)", (message.value().decode(),))
            await consumer.store_offsets(message=message)


BY_ITSELF = {"enable.auto.commit": True, "auto.commit.interval.ms": 1}


def found(run: Any, **settings: Any) -> str:
    anomaly = explore(scenario(run, **settings).with_faults("crash"), NOTHING, budget=1).anomaly
    return "nothing" if anomaly is None else anomaly.name


def test_rule_28_what_is_committed_before_it_is_done_is_lost_in_a_crash():
    assert found(handles, **BY_ITSELF) == "lost message"


def test_rule_28_what_is_stored_when_it_is_done_comes_again_at_most():
    stored_late = {"enable.auto.offset.store": False}
    assert found(stores_what_is_done, **BY_ITSELF, **stored_late) == "duplicate effect"


def test_rule_28_a_long_interval_makes_everything_come_again():
    assert found(handles, **BY_ITSELF | {"auto.commit.interval.ms": 60_000}) == "duplicate effect"


def test_a_commit_of_the_client_is_told_as_such():
    trace = replay(scenario(handles, **BY_ITSELF), NOTHING).trace
    assert any(event.text == "consumer's client commits offset 3 of orders-0" for event in trace.events)


def test_without_faults_the_client_has_committed_everything_at_rest():
    ended = explore(scenario(handles, **BY_ITSELF), NOTHING, budget=0)
    assert ended.passed
    states = [event.state for event in replay(scenario(handles, **BY_ITSELF), NOTHING).trace.events]
    assert states[-1]["committed"] == {"group orders-0": 3}


@pytest.mark.parametrize(("reset", "handled"), [("earliest", 3), ("latest", 0), ("error", 0)])
def test_auto_offset_reset_decides_where_a_group_begins(reset: str, handled: int):
    values: list[bytes | None] = []
    errors: list[str] = []

    async def run(consumer):
        for _ in range(6):
            message = await consumer.poll(1.0)
            if message is not None and message.error() is None:
                values.append(message.value())
            elif message is not None:
                errors.append(message.error().name())

    replay(scenario(run, **{"auto.offset.reset": reset}), NOTHING)
    assert len(values) == handled
    assert errors == (["_AUTO_OFFSET_RESET"] if reset == "error" else [])
