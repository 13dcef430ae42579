"""Right, because the COMMIT of a transaction that has failed is a rollback, and the duplicate changed nothing."""

import json
from typing import Any

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation


async def apply_once(db: AsyncConnection, payment: dict[str, Any]) -> None:
    async with db.transaction():
        try:
            await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
        except UniqueViolation:
            return
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s",
            (payment["amount"], payment["account"]),
        )


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await apply_once(db, json.loads(message.value()))
        await consumer.commit(message=message, asynchronous=False)
