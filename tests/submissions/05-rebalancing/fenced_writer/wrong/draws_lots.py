"""Random tokens tell two owners apart, and not which of them is the older.

Fails: test_a_partition_that_comes_back
"""

import random

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

WRITE = """
    INSERT INTO prices (product, price, token) VALUES (%s, %s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price, token = excluded.token
        WHERE prices.token <= excluded.token
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    tokens: dict[int, int] = {}

    async def on_assign(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        for given in partitions:
            tokens[given.partition] = random.getrandbits(31)

    await consumer.subscribe(["prices"], on_assign=on_assign)
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        token = tokens[message.partition()]
        written = await db.execute(WRITE, (message.key().decode(), int(message.value()), token))
        if written.rowcount == 0:
            raise RuntimeError("somebody else owns this partition by now")
        await consumer.commit(message=message, asynchronous=False)
