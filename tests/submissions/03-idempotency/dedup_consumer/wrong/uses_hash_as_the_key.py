"""The hash of a text is another in each start of Python, so after a crash the mark is not found.

Fails: test_a_crash_at_every_await
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
        key = str(hash((payment["id"], payment["account"], payment["amount"])))
        async with db.transaction():
            cursor = await db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (key,)
            )
            if cursor.rowcount == 1:
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        await consumer.commit(message=message, asynchronous=False)
