"""What a producer has taken and not sent yet: who loses it, and what overtakes what."""

from typing import Any

import pytest
from tests.unreliable.test_explore import agrees

from unreliable import Anomaly, Process, Program, Scenario, World, explore

FLUSHES = "await producer.flush()"
AWAITS = "await delivery"
NEITHER = "pass"


def forwarding(before_the_commit: str) -> str:
    """A relay that says that a message is done when it has handed it on; it does not mind to send it twice."""
    return f"""
async def relay(consumer, producer):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        delivery = await producer.produce("out", message.value(), partition=0)
        {before_the_commit}
        await consumer.commit(message=message, asynchronous=False)
"""


async def orders(producer):
    for number in range(2):
        await (await producer.produce("in", f"order {number}", partition=0))


def none_lost(world: World) -> Anomaly | None:
    found = {record.value for record in world.broker.logs["out", 0]}
    if found == {b"order 0", b"order 1"}:
        return None
    return Anomaly("lost message", f"There are only {sorted(map(str, found))}.")


def scenario(*faults: str) -> Scenario:
    processes = (
        Process("source", orders, faults=frozenset()),
        Process("relay", "relay", ("consumer", "producer"), subscribes=("in",), start_ms=100),
    )
    return Scenario("relay", processes, none_lost, (("in", 1), ("out", 1)), faults=frozenset(faults))


@pytest.mark.parametrize("before_the_commit", [FLUSHES, AWAITS])
def test_who_waits_for_the_delivery_before_committing_loses_nothing(before_the_commit: str):
    verdict = explore(scenario("crash", "delay", "retry"), Program(forwarding(before_the_commit)), budget=2)
    assert verdict.anomaly is None, verdict.sentence


def test_who_commits_what_is_still_in_the_buffer_loses_it_in_a_crash():
    verdict = explore(scenario("crash", "delay"), Program(forwarding(NEITHER)), budget=2)
    assert verdict.anomaly is not None
    assert verdict.anomaly.name == "lost message"
    assert len(verdict.schedule or ()) == 2


def values(of: Scenario, budget: int = 1) -> set[tuple[str, ...]]:
    """The ways in which the log of `out` can end."""
    ends: set[tuple[str, ...]] = set()

    def look(world: World) -> None:
        ends.add(tuple((record.value or b"").decode() for record in world.broker.logs["out", 0]))

    processes = of.processes
    assert explore(Scenario("ends", processes, look, of.topics, faults=of.faults), Program(""), budget).exhausted
    return ends


def sending(run: Any, *faults: str, idempotence: bool = False) -> Scenario:
    producer = Process("producer", run, idempotence=idempotence)
    return Scenario("send", (producer,), lambda _: None, (("out", 1),), faults=frozenset(faults))


async def three(producer):
    for value in "abc":
        await producer.produce("out", value, partition=0)
    await producer.flush()


async def three_and_return(producer):
    for value in "abc":
        await producer.produce("out", value, partition=0)


def test_what_is_in_the_buffer_keeps_its_order():
    assert values(sending(three, "delay"), budget=2) == {("a", "b", "c")}


def test_a_process_that_returns_without_flushing_takes_its_buffer_with_it():
    assert values(sending(three_and_return, "delay")) == {(), ("a",), ("a", "b"), ("a", "b", "c")}


def test_a_message_that_is_sent_again_stands_behind_later_ones():
    assert values(sending(three, "retry")) == {("a", "b", "c"), ("b", "c", "a"), ("a", "c", "b")}


def test_with_idempotence_nothing_overtakes():
    assert values(sending(three, "retry", "delay", "lose", idempotence=True), budget=2) == {("a", "b", "c")}


@pytest.mark.parametrize("faults", [("crash", "delay"), ("crash", "retry")])
def test_what_is_merged_ends_as_if_it_were_run(faults: tuple[str, ...]):
    agrees(scenario(*faults), forwarding(NEITHER), 2)
