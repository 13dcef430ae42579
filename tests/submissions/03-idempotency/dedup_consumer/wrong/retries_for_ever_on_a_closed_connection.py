"""After a COMMIT whose answer was lost the connection is closed, and no retry on it can succeed.

Fails: test_an_answer_that_does_not_arrive
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
        while True:
            try:
                await apply_once(db, payment)
                break
            except OperationalError:
                continue  # transient: try again until the database is back
        await consumer.commit(message=message, asynchronous=False)
