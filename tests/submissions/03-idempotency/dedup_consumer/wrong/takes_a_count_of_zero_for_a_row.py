"""A count always gives a row, so every payment is taken for a duplicate and none is applied.

Fails: test_every_payment_is_applied
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def was_processed(db: AsyncConnection, payment_id: str) -> bool:
    cursor = await db.execute("SELECT count(*) FROM processed WHERE payment_id = %s", (payment_id,))
    return await cursor.fetchone() is not None


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            if not await was_processed(db, payment["id"]):
                await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        await consumer.commit(message=message, asynchronous=False)
