"""A crash between the update and the mark leaves a payment that was applied and will be applied again.

Fails: test_a_crash_at_every_await
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def is_processed(db: AsyncConnection, payment_id: str) -> bool:
    cursor = await db.execute("SELECT 1 FROM processed WHERE payment_id = %s", (payment_id,))
    return await cursor.fetchone() is not None


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        if not await is_processed(db, payment["id"]):
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                (payment["amount"], payment["account"]),
            )
            await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
        await consumer.commit(message=message, asynchronous=False)
