"""One list for both partitions, and a commit for the partition of its last order only.

Fails: test_orders_are_collected
"""

from typing import Protocol

from confluent_kafka import Message, TopicPartition
from confluent_kafka.aio import AIOConsumer

SIZE = 3


class Warehouse(Protocol):
    async def load(self, orders: list[str]) -> None: ...


async def consume(consumer: AIOConsumer, warehouse: Warehouse) -> None:
    collected: list[Message] = []

    async def load() -> None:
        if collected:
            await warehouse.load([message.value().decode() for message in collected])
            await consumer.commit(message=collected[-1], asynchronous=False)
            collected.clear()

    async def on_revoke(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        await load()

    async def on_lost(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        collected.clear()

    await consumer.subscribe(["orders"], on_revoke=on_revoke, on_lost=on_lost)
    while True:
        message = await consumer.poll(1.0)
        if message is not None:
            collected.append(message)
        if message is None or len(collected) == SIZE:
            await load()
