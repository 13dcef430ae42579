"""Inside of a transaction too, two consumers both find no mark; the second insert does nothing and tells nobody.

Fails: test_two_consumers_of_one_group
"""

import json
from typing import Any

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def apply_once(db: AsyncConnection, payment: dict[str, Any]) -> None:
    async with db.transaction():
        cursor = await db.execute("SELECT 1 FROM processed WHERE payment_id = %s", (payment["id"],))
        if await cursor.fetchone():
            return
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s",
            (payment["amount"], payment["account"]),
        )
        await db.execute("INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],))


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await apply_once(db, json.loads(message.value()))
        await consumer.commit(message=message, asynchronous=False)
