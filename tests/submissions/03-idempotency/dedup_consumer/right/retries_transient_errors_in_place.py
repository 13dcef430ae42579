"""Right, because each attempt is the whole transaction, and after the last one the process starts again."""

import json
from typing import Any

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection, OperationalError

ATTEMPTS = 3


async def apply_once(db: AsyncConnection, payment: dict[str, Any]) -> None:
    async with db.transaction():
        mark = await db.execute(
            "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
        )
        if mark.rowcount == 1:
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                (payment["amount"], payment["account"]),
            )


async def apply_with_retries(db: AsyncConnection, payment: dict[str, Any]) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await apply_once(db, payment)
            return
        except OperationalError as error:
            print(f"{payment['id']}: attempt {attempt} of {ATTEMPTS} failed: {error}")
            if attempt == ATTEMPTS:
                raise


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await apply_with_retries(db, json.loads(message.value()))
        await consumer.commit(message=message, asynchronous=False)
