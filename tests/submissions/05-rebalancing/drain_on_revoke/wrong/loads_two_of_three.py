"""It loads two orders of a full file and commits the offset after the third.

Fails: test_orders_are_collected
"""

from typing import Protocol

from confluent_kafka import Message, TopicPartition
from confluent_kafka.aio import AIOConsumer

SIZE = 3


class Warehouse(Protocol):
    async def load(self, orders: list[str]) -> None: ...


async def consume(consumer: AIOConsumer, warehouse: Warehouse) -> None:
    collected: dict[int, list[Message]] = {}

    async def load(partition: int) -> None:
        messages = collected.pop(partition, [])
        if messages:
            await warehouse.load([message.value().decode() for message in messages[: SIZE - 1]])
            await consumer.commit(message=messages[-1], asynchronous=False)

    async def on_revoke(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        for going in partitions:
            await load(going.partition)

    async def on_lost(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        for gone in partitions:
            collected.pop(gone.partition, None)

    await consumer.subscribe(["orders"], on_revoke=on_revoke, on_lost=on_lost)
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            for partition in list(collected):
                await load(partition)
            continue
        waiting = collected.setdefault(message.partition(), [])
        waiting.append(message)
        if len(waiting) == SIZE:
            await load(message.partition())
