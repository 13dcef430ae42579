"""Two consumers both find no mark before either writes it, and both apply the payment.

Fails: test_two_consumers_of_one_group
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
            async with db.transaction():
                await db.execute(
                    "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING",
                    (payment["id"],),
                )
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        await consumer.commit(message=message, asynchronous=False)
