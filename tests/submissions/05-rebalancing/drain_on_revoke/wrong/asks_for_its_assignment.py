"""It looks whether the partition is its own; so it is, again: it was another's meanwhile.

Fails: test_partitions_that_leave_and_come_back
"""

from typing import Protocol

from confluent_kafka import Message
from confluent_kafka.aio import AIOConsumer

SIZE = 3


class Warehouse(Protocol):
    async def load(self, orders: list[str]) -> None: ...


async def consume(consumer: AIOConsumer, warehouse: Warehouse) -> None:
    collected: dict[int, list[Message]] = {}

    async def load(partition: int) -> None:
        messages = collected.pop(partition, [])
        mine = [given.partition for given in await consumer.assignment()]
        if messages and partition in mine:
            await warehouse.load([message.value().decode() for message in messages])
            await consumer.commit(message=messages[-1], asynchronous=False)

    await consumer.subscribe(["orders"])
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
