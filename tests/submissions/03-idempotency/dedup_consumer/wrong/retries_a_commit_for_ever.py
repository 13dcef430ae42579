"""A consumer that has lost its partitions may never commit again, and never polls to get new ones.

Fails: test_two_consumers_of_one_group
"""

import json

from confluent_kafka import KafkaException, Message
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def commit(consumer: AIOConsumer, message: Message) -> None:
    while True:
        try:
            await consumer.commit(message=message, asynchronous=False)
            return
        except KafkaException as error:
            print(f"retrying the commit: {error}")


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            cursor = await db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
            )
            if cursor.rowcount == 1:
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        await commit(consumer, message)
