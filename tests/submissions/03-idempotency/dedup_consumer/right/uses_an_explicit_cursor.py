"""Right, because the cursor's statements stand in one transaction, and the mark's rowcount decides."""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        if message.error() is not None:
            raise RuntimeError(message.error())
        payment = json.loads(message.value() or b"")
        async with db.transaction(), db.cursor() as cursor:
            await cursor.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", [payment["id"]]
            )
            if cursor.rowcount > 0:
                await cursor.execute(
                    "INSERT INTO accounts (id, balance) VALUES (%s, %s)"
                    " ON CONFLICT (id) DO UPDATE SET balance = accounts.balance + excluded.balance",
                    [payment["account"], payment["amount"]],
                )
        await consumer.commit(message=message, asynchronous=False)
