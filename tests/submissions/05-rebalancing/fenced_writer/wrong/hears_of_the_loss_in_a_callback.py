"""on_lost is run by the next poll, and the write comes before that.

Fails: test_an_owner_that_wakes_up_late
"""

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

WRITE = """
    INSERT INTO prices (product, price) VALUES (%s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    mine: set[int] = set()

    async def on_assign(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        mine.update(given.partition for given in partitions)

    async def on_lost(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        mine.difference_update(lost.partition for lost in partitions)

    await consumer.subscribe(["prices"], on_assign=on_assign, on_revoke=on_lost, on_lost=on_lost)
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        if message.partition() not in mine:
            continue
        await db.execute(WRITE, (message.key().decode(), int(message.value())))
        await consumer.commit(message=message, asynchronous=False)
