"""The mark locks its own row only: two payments into one account read the same balance, and one is undone.

Fails: test_two_consumers_at_once
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
            cursor = await db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
            )
            if cursor.rowcount == 1:
                cursor = await db.execute("SELECT balance FROM accounts WHERE id = %s", (payment["account"],))
                row = await cursor.fetchone()
                assert row is not None
                await db.execute(
                    "UPDATE accounts SET balance = %s WHERE id = %s",
                    (row[0] + payment["amount"], payment["account"]),
                )
        await consumer.commit(message=message, asynchronous=False)
