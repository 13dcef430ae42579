"""A message that does not get into the log: who hears of it, and what else is held up."""

from typing import Any

import pytest

from unreliable import Anomaly, Process, Program, Scenario, World, explore, replay
from unreliable.clients.confluent_kafka import KafkaError, KafkaException
from unreliable.explore import Explorer
from unreliable.requests import Produce

NOTHING = Program("")
LARGE = "x" * 200


def values(world: World) -> list[bytes | None]:
    return [record.value for record in world.broker.logs["orders", 0]]


def scenario(run: Any, check: Any = lambda world: None, *faults: str, idempotence: bool = False) -> Scenario:
    producer = Process("producer", run, idempotence=idempotence)
    return Scenario(
        "orders", (producer,), check, (("orders", 1),), faults=frozenset(faults), max_message_bytes=200
    )


@pytest.mark.parametrize("idempotence", [False, True])
def test_a_message_that_is_too_large_is_refused_whenever_it_is_sent_and_the_others_are_taken(idempotence: bool):
    heard: list[Any] = []

    async def send(producer):
        for value in (LARGE, "a", LARGE, "b"):
            delivery = await producer.produce("orders", value)
            heard.append(await producer.flush())
            try:
                heard.append((await delivery).offset())
            except KafkaException as error:
                heard.append(error.args[0].code())

    def check(world: World) -> Anomaly | None:
        return None if values(world) == [b"a", b"b"] else Anomaly("lost message", f"{values(world)}")

    assert replay(scenario(send, check, idempotence=idempotence), NOTHING).anomaly is None
    too_large = KafkaError.MSG_SIZE_TOO_LARGE
    assert heard == [0, too_large, 0, 0, 0, too_large, 0, 1]


def test_key_and_headers_count_too():
    async def send(producer):
        await producer.produce("orders", "x" * 66, key="y" * 65)
        await Produce("orders", b"x" * 66, None, None, (("h" * 60, b"z" * 5),))  # as a connector sends it
        await producer.produce("orders", "x" * 60, key="y" * 60)

    def check(world: World) -> Anomaly | None:
        return None if values(world) == [b"x" * 60] else Anomaly("wrong effect", f"{values(world)}")

    assert replay(scenario(send, check), NOTHING).anomaly is None


def test_what_is_not_delivered_in_time_is_not_in_the_log_and_whoever_awaits_it_hears_so():
    heard: set[int] = set()

    async def send(producer):
        for value in ("a", "b"):
            delivered = False
            while not delivered:
                try:
                    await (await producer.produce("orders", value))
                    delivered = True
                except KafkaException as error:
                    heard.add(error.args[0].code())

    def check(world: World) -> Anomaly | None:
        return None if values(world) == [b"a", b"b"] else Anomaly("lost message", f"{values(world)}")

    verdict = explore(scenario(send, check, "error"), NOTHING, budget=3)
    assert (verdict.anomaly, verdict.exhausted, heard) == (None, True, {KafkaError._MSG_TIMED_OUT})


def test_flush_waits_for_what_fails_and_does_not_tell():
    async def send(producer, clock):
        began = clock.now()
        await producer.produce("orders", "a")
        assert await producer.flush() == 0
        await producer.produce("orders", f"{clock.now() - began > 3}")

    def check(world: World) -> Anomaly | None:
        if b"a" not in values(world):
            return Anomaly("lost message", f"{values(world)}")
        return None

    with Explorer(scenario(send, check, "error"), NOTHING) as explorer:
        verdict = explorer.explore(1)
        assert verdict.anomaly is not None
        assert "True" in verdict.anomaly.sentence
        assert verdict.trace is not None
        assert "gives up" in " ".join(event.text for event in verdict.trace.events)
