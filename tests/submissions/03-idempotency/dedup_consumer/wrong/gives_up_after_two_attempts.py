"""A payment that fails twice is given up and committed, although the database was only away for a moment.

Fails: test_a_database_that_fails_for_a_moment
"""

import json
from typing import Any

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection, OperationalError


async def apply_once(db: AsyncConnection, payment: dict[str, Any]) -> None:
    async with db.transaction():
        cursor = await db.execute(
            "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
        )
        if cursor.rowcount == 1:
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                (payment["amount"], payment["account"]),
            )


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        for _attempt in range(2):
            try:
                await apply_once(db, payment)
                break
            except OperationalError as error:
                print(f"attempt failed: {error}")
        await consumer.commit(message=message, asynchronous=False)
