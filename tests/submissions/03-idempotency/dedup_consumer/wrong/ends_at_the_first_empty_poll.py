"""A poll without a message is not the end of the topic: what comes later is never consumed.

Fails: test_a_payment_that_was_sent_twice
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while (message := await consumer.poll(1.0)) is not None:
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
        await consumer.commit(message=message, asynchronous=False)
