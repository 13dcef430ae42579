"""It takes what is there at once: when a callback is run, nothing is in flight."""

from typing import Protocol

from confluent_kafka.aio import AIOConsumer

SIZE = 3


class Warehouse(Protocol):
    async def load(self, orders: list[str]) -> None: ...


async def consume(consumer: AIOConsumer, warehouse: Warehouse) -> None:
    await consumer.subscribe(["orders"])
    while True:
        messages = await consumer.consume(SIZE, 1.0)
        if messages:
            await warehouse.load([message.value().decode() for message in messages])
            await consumer.commit(asynchronous=False)
