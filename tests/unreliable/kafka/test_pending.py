"""Readers beside transactions: what holds them up, and what of a commit's fate they are not told."""

from typing import Any

import pytest

from unreliable import Process, Program, Scenario, explore, replay
from unreliable.clients.confluent_kafka import TopicPartition

TRANSACTIONAL = {"transactional.id": "t"}


async def record(producer):
    await (await producer.produce("orders", "order", partition=0))


def scenario(*runs: Any, faults: tuple[str, ...] = (), **consumer: Any) -> Scenario:
    """A record, and processes that start 100 ms after each other; those with a producer are transactional."""
    processes = [
        Process(
            run.__name__,
            run,
            producer=TRANSACTIONAL if run is not record else {},
            consumer={name.replace("_", "."): value for name, value in consumer.items()},
            start_ms=100 * number,
            faults=frozenset() if run is record else None,
        )
        for number, run in enumerate((record, *runs))
    ]
    return Scenario("orders", tuple(processes), lambda _: None, (("orders", 1),), faults=frozenset(faults))


@pytest.mark.parametrize(("end", "then"), [("commit_transaction", None), ("abort_transaction", b"order")])
def test_rule_23_the_next_member_waits_for_pending_offsets(end: str, then: bytes | None):
    seen: list[Any] = []

    async def first(producer, consumer, clock):
        await producer.init_transactions()
        await consumer.poll()
        await producer.begin_transaction()
        metadata = await consumer.consumer_group_metadata()
        await producer.send_offsets_to_transaction([TopicPartition("orders", 0, 1)], metadata)
        await consumer.close()
        await clock.sleep(5)
        await getattr(producer, end)()

    async def second(consumer):
        seen.append(await consumer.poll(2.0))
        message = await consumer.poll(5.0)
        seen.append(message and message.value())

    replay(scenario(first, second), Program(""))
    assert seen == [None, then]


def test_rule_23_who_asks_for_a_pending_offset_hears_it_when_it_is_decided():
    seen: list[Any] = []

    async def first(producer, consumer, clock):
        await producer.init_transactions()
        await producer.begin_transaction()
        metadata = await consumer.consumer_group_metadata()
        await producer.send_offsets_to_transaction([TopicPartition("orders", 0, 1)], metadata)
        await clock.sleep(5)
        await producer.commit_transaction()

    async def second(consumer, clock):
        asked = clock.now()
        (place,) = await consumer.committed([TopicPartition("orders", 0)])
        seen.append((place.offset, 4 < clock.now() - asked < 6))

    replay(scenario(first, second), Program(""))
    assert seen == [(1, True)]


@pytest.mark.parametrize(
    ("level", "found"), [("read_committed", [b"order"]), ("read_uncommitted", [b"order", b"o"])]
)
def test_rule_20_only_a_read_uncommitted_reader_gets_what_is_open(level: str, found: list[bytes]):
    seen: list[Any] = []

    async def leaves_open(producer):
        await producer.init_transactions()
        await producer.begin_transaction()
        await (await producer.produce("orders", "o", partition=0))

    async def reads(consumer):
        seen.extend(message.value() for message in await consumer.consume(2, 1.0))
        seen.append((await consumer.get_watermark_offsets(TopicPartition("orders", 0)))[1])

    replay(scenario(leaves_open, reads, isolation_level=level), Program(""))
    assert seen == [*found, len(found)]


def test_a_commit_that_is_lost_once_is_sent_again_and_nobody_is_told():
    async def commits(consumer):
        message = await consumer.poll()
        (place,) = await consumer.commit(message=message, asynchronous=False)
        (committed,) = await consumer.committed([place])
        assert (place.offset, committed.offset) == (1, 1)

    verdict = explore(scenario(commits, faults=("retry",)), Program(""), budget=2)
    assert (verdict.passed, verdict.run) == (True, 3)  # no fault, the request, the reply
