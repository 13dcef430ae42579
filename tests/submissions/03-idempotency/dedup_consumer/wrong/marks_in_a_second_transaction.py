"""A crash between the two transactions leaves a payment that was applied and bears no mark.

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
        async with db.transaction():
            cursor = await db.execute("SELECT 1 FROM processed WHERE payment_id = %s", (payment["id"],))
            duplicate = await cursor.fetchone() is not None
            if not duplicate:
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        if not duplicate:
            async with db.transaction():
                await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
        await consumer.commit(message=message, asynchronous=False)
