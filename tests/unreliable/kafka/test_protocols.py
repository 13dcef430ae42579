"""The same work under each protocol: what is promised under all of them, and what a rebalance costs under each."""

from typing import Any

import pytest

from unreliable import Anomaly, Process, Program, Scenario, World, explore, replay

PROTOCOLS: dict[str, dict[str, Any]] = {
    "range": {"partition.assignment.strategy": "range"},
    "cooperative": {"partition.assignment.strategy": "cooperative-sticky"},
    "static": {"session.timeout.ms": 30_000},
    "next generation": {"group.protocol": "consumer"},
}
TABLES = "CREATE TABLE seen (id TEXT PRIMARY KEY)"
NOTHING = Program("")


async def produce(producer):
    for number in range(4):
        await producer.produce("orders", f"{number}", partition=number % 2)


async def works(consumer, db):
    """At least once, and each effect once, whatever happens."""
    await consumer.subscribe(["orders"])
    while True:
        message = await consumer.poll(1.0)
        if message is None or message.error() is not None:
            continue
        value = message.value().decode()
        await db.execute("INSERT INTO seen (id) VALUES (%s) ON CONFLICT DO NOTHING", (value,))
        await consumer.commit(message=message)


async def visits(consumer, db):
    await consumer.subscribe(["orders"])
    for _ in range(3):
        message = await consumer.poll(1.0)
        if message is not None and message.error() is None:
            value = message.value().decode()
            await db.execute("INSERT INTO seen (id) VALUES (%s) ON CONFLICT DO NOTHING", (value,))
            await consumer.commit(message=message)
    await consumer.close()


def all_done(world: World) -> Anomaly | None:
    seen = [row[0] for row in world.database.query("SELECT id FROM seen")]
    if len(seen) < 4:
        return Anomaly("lost message", f"only {sorted(seen)} were handled")
    lag = world.broker.lag("group", "orders")
    return Anomaly("stuck", f"{lag} were handled and not committed") if lag else None


def member(name: str, protocol: str, run: Any = works, **more: Any) -> Process:
    config = PROTOCOLS[protocol]
    if protocol == "static":
        config = config | {"group.instance.id": name}
    return Process(name, run, consumer=config, **more)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("faults", [("crash", "rebalance"), ("pause", "rebalance")])
def test_under_every_protocol_nothing_is_lost_and_everything_ends(protocol: str, faults: tuple[str, ...]):
    processes = (
        Process("producer", produce, faults=frozenset(), start_ms=500),
        member("a", protocol),
        member("b", protocol, faults=frozenset()),
        member("visitor", protocol, visits, start_ms=None, faults=frozenset()),
    )
    scenario = Scenario("orders", processes, all_done, topics=(("orders", 2),), tables=TABLES, pause_ms=40_000)
    verdict = explore(scenario.with_faults(*faults), NOTHING, budget=2)
    assert verdict.passed, verdict.sentence
    assert verdict.exhausted


async def polls(consumer):
    while True:
        await consumer.poll(1.0)


async def is_busy(consumer, clock):
    """Polls once, and is not back for nine seconds."""
    await consumer.poll(1.0)
    await clock.sleep(9)
    await polls(consumer)


async def late(producer):
    await producer.produce("orders", "late", partition=0)


def read_at(protocol: str) -> int:
    """When a record is read that is sent at 4 s, while a busy member keeps a third from joining; in ms."""
    processes = (
        member("a", protocol, polls),
        member("b busy", protocol, is_busy),
        member("c", protocol, polls, start_ms=2_000),
        Process("producer", late, start_ms=4_000),
    )
    scenario = Scenario("orders", processes, lambda _: None, topics=(("orders", 3),))
    events = replay(scenario, NOTHING).trace.events
    return next(event.time_ms for event in events if "reads late" in event.text)


def test_eager_members_wait_for_the_slowest_and_the_others_for_nobody():
    found = {protocol: read_at(protocol) for protocol in PROTOCOLS}
    assert found["cooperative"] == found["next generation"] == 4_000
    assert found["range"] > 9_000
    assert found["static"] > 9_000, "static membership changes nothing for who joins for the first time"
