"""Compared for equality under a lock, a token need not grow: who has claimed last is the owner."""

import random

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

CLAIM = "UPDATE owners SET token = %s WHERE partition = %s"
LOCK = "SELECT token FROM owners WHERE partition = %s FOR UPDATE"
WRITE = """
    INSERT INTO prices (product, price) VALUES (%s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    tokens: dict[int, int] = {}

    async def on_assign(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        for given in partitions:
            tokens[given.partition] = random.getrandbits(31)
            await db.execute(CLAIM, (tokens[given.partition], given.partition))

    await consumer.subscribe(["prices"], on_assign=on_assign)
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        async with db.transaction():
            cursor = await db.execute(LOCK, (message.partition(),))
            [token] = await cursor.fetchone()
            if token != tokens[message.partition()]:
                raise RuntimeError("somebody else owns this partition by now")
            await db.execute(WRITE, (message.key().decode(), int(message.value())))
        await consumer.commit(message=message, asynchronous=False)
