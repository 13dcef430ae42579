"""The next commit covers a failed payment that only waits in memory for its retry, and a crash loses it.

Fails: test_all_of_it_together
"""

import json
from typing import Any

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection
from psycopg.errors import QueryCanceled


async def applied(db: AsyncConnection, payment: dict[str, Any]) -> bool:
    try:
        async with db.transaction():
            cursor = await db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
            )
            if cursor.rowcount == 1:
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
    except QueryCanceled:
        return False
    return True


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    failed: list[dict[str, Any]] = []
    while True:
        message = await consumer.poll(1.0)
        if message is not None:
            payment = json.loads(message.value())
            if await applied(db, payment):
                await consumer.commit(message=message, asynchronous=False)
            else:
                failed.append(payment)
        elif failed:
            failed = [payment for payment in failed if not await applied(db, payment)]
            if not failed:
                await consumer.commit(asynchronous=False)
