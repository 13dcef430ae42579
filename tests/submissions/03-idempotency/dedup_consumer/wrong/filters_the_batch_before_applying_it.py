"""Both deliveries of a payment in one batch are found to be new, and both are applied.

Fails: test_a_payment_that_was_sent_twice
"""

import json
from typing import Any

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def new_ones(db: AsyncConnection, payments: list[dict[str, Any]]) -> list[dict[str, Any]]:
    cursor = await db.execute("SELECT payment_id FROM processed")
    known = {row[0] for row in await cursor.fetchall()}
    return [payment for payment in payments if payment["id"] not in known]


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        messages = await consumer.consume(num_messages=10, timeout=1.0)
        if not messages:
            continue
        payments = [json.loads(message.value()) for message in messages]
        async with db.transaction():
            for payment in await new_ones(db, payments):
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
                await db.execute(
                    "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING",
                    (payment["id"],),
                )
        await consumer.commit(asynchronous=False)
