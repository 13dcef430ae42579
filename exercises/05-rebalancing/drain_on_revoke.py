"""Collect orders into files, and leave nothing behind when partitions go to another consumer.

The topic `orders` has a few partitions; a message's value is the order's id. `await warehouse.load(["o1", "o2"])`
loads a file of up to three orders, and whatever it loads is shipped. So the consumer collects the orders of each
partition, and loads them when there are three, or when nothing more comes. It commits what it has loaded before it
polls again.

Other consumers of the same group join and leave as they please; partitions go to them and come back. The group is
configured with `partition.assignment.strategy=cooperative-sticky`: your consumer keeps what does not move. Tell
`subscribe` what is to be done. The callbacks are run inside of `poll`, with the partitions that are concerned:

    async def on_assign(consumer, partitions: list[TopicPartition]) -> None: ...  # they are new
    async def on_revoke(consumer, partitions: list[TopicPartition]) -> None: ...  # they are about to go
    async def on_lost(consumer, partitions: list[TopicPartition]) -> None: ...    # may be another's

Without `on_lost`, `on_revoke` is called for lost partitions, too.

- Orders that are there at once do not make a file each.
- If others come and go, each order is loaded once.
- Your process may stand still while it polls, for longer than its session, and go on as if nothing had been. Then
  its partitions are another's: what it has not loaded by then is not for it to load.
- It may crash at every `await`, and starts again from the top; a commit may fail. Then an order may be loaded
  twice; none is lost.

In the end every offset has to be committed.
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
        if messages:
            await warehouse.load([message.value().decode() for message in messages])
            await consumer.commit(message=messages[-1], asynchronous=False)

    # TODO: partitions go while there are orders in `collected`, and nobody is told.
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
