"""Right, because a duplicate leaves its transaction by Rollback, which undoes the update that came first."""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection, Rollback


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                (payment["amount"], payment["account"]),
            )
            cursor = await db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
            )
            if not cursor.rowcount:
                raise Rollback
        await consumer.commit(message=message, asynchronous=False)
