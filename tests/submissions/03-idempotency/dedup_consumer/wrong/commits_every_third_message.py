"""The messages after the last multiple of three are never committed.

Fails: test_a_payment_that_was_sent_twice
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

COMMIT_EVERY = 3


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    uncommitted = 0
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
        uncommitted += 1
        if uncommitted >= COMMIT_EVERY:
            await consumer.commit(asynchronous=False)
            uncommitted = 0
