"""A crash between the effect and the mark applies the payment twice.

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
        cursor = await db.execute("SELECT 1 FROM processed WHERE payment_id = %s", (payment["id"],))
        if await cursor.fetchone() is None:
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
            )
            await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
        await consumer.commit(message=message, asynchronous=False)
