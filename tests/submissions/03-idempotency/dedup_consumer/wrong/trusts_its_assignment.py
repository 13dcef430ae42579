"""A consumer that stands still after asking for its assignment goes on with partitions it has lost.

Fails: test_two_consumers_of_one_group
"""

import json

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        cursor = await db.execute("SELECT 1 FROM processed WHERE payment_id = %s", (payment["id"],))
        is_new = await cursor.fetchone() is None
        if TopicPartition(message.topic(), message.partition()) not in await consumer.assignment():
            continue  # somebody else's by now
        if is_new:
            async with db.transaction():
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
                await db.execute(
                    "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING",
                    (payment["id"],),
                )
        await consumer.commit(message=message, asynchronous=False)
