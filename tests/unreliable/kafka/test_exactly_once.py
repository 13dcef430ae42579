"""Consume, process, produce in one transaction: each message counts once, if the group's metadata is with it."""

from dataclasses import replace
from textwrap import dedent

import pytest
from tests.unreliable.test_explore import agrees

from unreliable import Anomaly, Process, Program, Scenario, World, explore

EXACTLY_ONCE = dedent("""
    from confluent_kafka import KafkaException, TopicPartition


    async def relay(consumer, producer):
        await producer.init_transactions()
        while True:
            message = await consumer.poll(1.0)
            if message is None:
                continue
            await producer.begin_transaction()
            await producer.produce("out", message.value(), partition=0)
            after = TopicPartition(message.topic(), message.partition(), message.offset() + 1)
            try:
                await producer.send_offsets_to_transaction([after], await consumer.consumer_group_metadata(), 1)
                await ending(producer.commit_transaction)
            except KafkaException as exception:
                if not exception.args[0].txn_requires_abort():
                    raise
                await ending(producer.abort_transaction)
                raise  # and start again from what is committed


    async def ending(end):
        while True:
            try:
                return await end(1)
            except KafkaException as exception:
                if not exception.args[0].retriable():
                    raise
""")


async def orders(producer):
    for number in range(2):
        await (await producer.produce("in", f"order {number}", partition=number % 2))


def once(world: World) -> Anomaly | None:
    """Each order is read once from the topic that the relay writes, and is done with."""
    found = sorted((record.value or b"").decode() for record in world.broker.logs["out", 0].committed())
    if len(found) != len(set(found)):
        return Anomaly("duplicate effect", f"The relay wrote {found}.")
    if found != ["order 0", "order 1"] or world.broker.lag("relays", "in"):
        return Anomaly("lost message", f"The relay wrote {found}.")
    return None


def scenario(*faults: str, relays: int = 1, **producer) -> Scenario:
    settings = {name.replace("_", "."): value for name, value in producer.items()}
    processes = [
        Process(
            f"relay {name}",
            "relay",
            ("consumer", "producer"),
            group="relays",
            subscribes=("in",),
            producer={"transactional.id": f"relay-{name}", **settings},
            faults=None if name == "A" else frozenset(),
            start_ms=100,
        )
        for name in "AB"[:relays]
    ]
    source = Process("source", orders, faults=frozenset())
    return Scenario("relay", (source, *processes), once, (("in", 2), ("out", 1)), faults=frozenset(faults))


@pytest.mark.parametrize("faults", [("crash", "lose"), ("crash", "retry", "move")])
def test_a_relay_with_transactions_writes_each_order_once(faults: tuple[str, ...]):
    verdict = explore(scenario(*faults), Program(EXACTLY_ONCE), budget=2)
    assert verdict.anomaly is None, verdict.sentence
    assert verdict.exhausted


@pytest.mark.parametrize("timeout_ms", [5_000, 60_000])
def test_rule_21_two_relays_fence_each_other_by_the_generation_of_their_group(timeout_ms: int):
    of = scenario("crash", "pause", relays=2, transaction_timeout_ms=timeout_ms)
    verdict = explore(of, Program(EXACTLY_ONCE), budget=1)
    assert verdict.anomaly is None, verdict.sentence
    assert verdict.exhausted


def test_rule_22_metadata_from_before_the_first_poll_fences_nobody():
    early = EXACTLY_ONCE.replace("await consumer.consumer_group_metadata()", "metadata").replace(
        "    await producer.init_transactions()",
        "    metadata = await consumer.consumer_group_metadata()\n    await producer.init_transactions()",
    )
    verdict = explore(scenario("pause", relays=2), Program(early), budget=1)
    assert verdict.anomaly is not None
    assert verdict.anomaly.name == "duplicate effect"


def test_without_transactions_a_crash_makes_a_duplicate():
    program = Program(
        dedent("""
            async def relay(consumer, producer):
                while True:
                    message = await consumer.poll(1.0)
                    if message is not None:
                        await (await producer.produce("out", message.value(), partition=0))
                        await consumer.commit(message=message, asynchronous=False)
        """)
    )
    plain = tuple(replace(process, producer={}) for process in scenario().processes)
    verdict = explore(replace(scenario("crash"), processes=plain), program, budget=1)
    assert verdict.anomaly is not None
    assert verdict.anomaly.name == "duplicate effect"


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("faults", [("crash", "lose"), ("duplicate", "move"), ("retry", "error")])
def test_what_is_merged_of_transactions_ends_as_if_it_were_run(faults: tuple[str, ...], version: int):
    async def order(producer):
        await (await producer.produce("in", "order", partition=0))

    small = scenario(*faults)
    source = replace(small.processes[0], run=order)
    small = replace(small, processes=(source, small.processes[1]), transaction_version=version)
    agrees(small, EXACTLY_ONCE, 2)


@pytest.mark.parametrize("timeout_ms", [5_000, 60_000])
def test_what_is_merged_of_two_relays_ends_as_if_it_were_run(timeout_ms: int):
    agrees(scenario("crash", "pause", relays=2, transaction_timeout_ms=timeout_ms), EXACTLY_ONCE, 2)
