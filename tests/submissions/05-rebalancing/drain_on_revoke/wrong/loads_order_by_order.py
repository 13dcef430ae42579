"""Nothing is ever in flight, and every order is a file.

Fails: test_orders_are_collected
"""

from typing import Protocol

from confluent_kafka.aio import AIOConsumer

SIZE = 3


class Warehouse(Protocol):
    async def load(self, orders: list[str]) -> None: ...


async def consume(consumer: AIOConsumer, warehouse: Warehouse) -> None:
    await consumer.subscribe(["orders"])
    while True:
        message = await consumer.poll(1.0)
        if message is not None:
            await warehouse.load([message.value().decode()])
            await consumer.commit(message=message, asynchronous=False)
