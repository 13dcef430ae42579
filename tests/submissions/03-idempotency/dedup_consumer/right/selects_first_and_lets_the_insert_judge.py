"""Right, because of two that find no mark only one can insert it; the other's transaction fails as a whole."""

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
            seen = await db.execute("SELECT 1 FROM processed WHERE payment_id = %s", (payment["id"],))
            if await seen.fetchone() is None:
                await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        await consumer.commit(message=message, asynchronous=False)
