"""The offset is committed on the way out of an error too, so the payment does not come again.

Fails: test_a_database_that_fails_for_a_moment
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        try:
            async with db.transaction():
                cursor = await db.execute(
                    "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING",
                    (payment["id"],),
                )
                if cursor.rowcount == 0:
                    continue
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        finally:
            await consumer.commit(message=message, asynchronous=False)
