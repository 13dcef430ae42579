"""One list for all partitions; what goes is picked out of it."""

from typing import Protocol

from confluent_kafka import Message, TopicPartition
from confluent_kafka.aio import AIOConsumer

SIZE = 3


class Warehouse(Protocol):
    async def load(self, orders: list[str]) -> None: ...


async def consume(consumer: AIOConsumer, warehouse: Warehouse) -> None:
    collected: list[Message] = []

    async def load(messages: list[Message]) -> None:
        if messages:
            await warehouse.load([message.value().decode() for message in messages])
            after = {message.partition(): message.offset() + 1 for message in messages}
            places = [TopicPartition("orders", partition, offset) for partition, offset in after.items()]
            await consumer.commit(offsets=places, asynchronous=False)
        collected[:] = [message for message in collected if message not in messages]

    async def on_revoke(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        going = {partition.partition for partition in partitions}
        await load([message for message in collected if message.partition() in going])

    async def on_lost(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        gone = {partition.partition for partition in partitions}
        collected[:] = [message for message in collected if message.partition() not in gone]

    await consumer.subscribe(["orders"], on_revoke=on_revoke, on_lost=on_lost)
    while True:
        message = await consumer.poll(1.0)
        if message is not None:
            collected.append(message)
        if message is None or len(collected) == SIZE:
            await load(list(collected))
