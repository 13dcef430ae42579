"""An object for each partition: made in on_assign, closed in on_revoke, thrown away in on_lost."""

from typing import Protocol

from confluent_kafka import Message, TopicPartition
from confluent_kafka.aio import AIOConsumer

SIZE = 3


class Warehouse(Protocol):
    async def load(self, orders: list[str]) -> None: ...


class File:
    def __init__(self, consumer: AIOConsumer, warehouse: Warehouse) -> None:
        self.consumer = consumer
        self.warehouse = warehouse
        self.messages: list[Message] = []

    async def add(self, message: Message) -> None:
        self.messages.append(message)
        if len(self.messages) == SIZE:
            await self.close()

    async def close(self) -> None:
        messages, self.messages = self.messages, []
        if messages:
            await self.warehouse.load([message.value().decode() for message in messages])
            await self.consumer.commit(message=messages[-1], asynchronous=False)


async def consume(consumer: AIOConsumer, warehouse: Warehouse) -> None:
    files: dict[int, File] = {}

    async def on_assign(consumer: AIOConsumer, partitions: list[TopicPartition]) -> None:
        for given in partitions:
            files[given.partition] = File(consumer, warehouse)

    async def on_revoke(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        for going in partitions:
            await files.pop(going.partition).close()

    async def on_lost(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        for gone in partitions:
            del files[gone.partition]

    await consumer.subscribe(["orders"], on_assign=on_assign, on_revoke=on_revoke, on_lost=on_lost)
    while True:
        message = await consumer.poll(1.0)
        if message is not None:
            await files[message.partition()].add(message)
            continue
        for file in files.values():
            await file.close()
