"""A payment whose statement was cancelled is logged, and its offset is committed all the same.

Fails: test_a_database_that_fails_for_a_moment
"""

import json
from typing import Any

import psycopg
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def apply(db: AsyncConnection, payment: dict[str, Any]) -> None:
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
        try:
            await apply(db, payment)
        except psycopg.Error as error:
            print(f"could not apply {payment['id']}: {error}")
        await consumer.commit(message=message, asynchronous=False)
