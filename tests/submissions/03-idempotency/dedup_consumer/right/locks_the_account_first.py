"""Right, because whoever holds the account's row is alone to look for the mark, to pay and to mark."""

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
            cursor = await db.execute(
                "SELECT balance FROM accounts WHERE id = %s FOR UPDATE", (payment["account"],)
            )
            row = await cursor.fetchone()
            assert row is not None
            (balance,) = row
            cursor = await db.execute("SELECT 1 FROM processed WHERE payment_id = %s", (payment["id"],))
            if await cursor.fetchone() is None:
                await db.execute(
                    "UPDATE accounts SET balance = %s WHERE id = %s",
                    (balance + payment["amount"], payment["account"]),
                )
                await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
        await consumer.commit(message=message, asynchronous=False)
