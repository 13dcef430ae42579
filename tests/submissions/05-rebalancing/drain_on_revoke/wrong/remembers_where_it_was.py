"""It goes on where it had stopped when the partition was its own; the other has gone on since.

Fails: test_partitions_that_leave_and_come_back
"""

from typing import Protocol

from confluent_kafka import Message, TopicPartition
from confluent_kafka.aio import AIOConsumer

SIZE = 3


class Warehouse(Protocol):
    async def load(self, orders: list[str]) -> None: ...


async def consume(consumer: AIOConsumer, warehouse: Warehouse) -> None:
    collected: dict[int, list[Message]] = {}

    places: dict[int, int] = {}

    async def load(partition: int) -> None:
        messages = collected.pop(partition, [])
        if messages:
            await warehouse.load([message.value().decode() for message in messages])
            await consumer.commit(message=messages[-1], asynchronous=False)

    async def on_assign(consumer: AIOConsumer, partitions: list[TopicPartition]) -> None:
        for given in partitions:
            given.offset = places.get(given.partition, given.offset)
        await consumer.incremental_assign(partitions)

    async def on_revoke(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        for going in partitions:
            await load(going.partition)

    async def on_lost(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        for gone in partitions:
            collected.pop(gone.partition, None)

    await consumer.subscribe(["orders"], on_assign=on_assign, on_revoke=on_revoke, on_lost=on_lost)
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            for partition in list(collected):
                await load(partition)
            continue
        places[message.partition()] = message.offset() + 1
        waiting = collected.setdefault(message.partition(), [])
        waiting.append(message)
        if len(waiting) == SIZE:
            await load(message.partition())
