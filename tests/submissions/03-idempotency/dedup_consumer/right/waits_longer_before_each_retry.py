"""Right, because it waits between whole attempts, and lets go when the database stays away."""

import asyncio
import json
import logging
from typing import Any

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection, OperationalError

log = logging.getLogger(__name__)


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


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        for delay in (0.1, 0.2, None):
            try:
                await apply_once(db, payment)
                break
            except OperationalError:
                if delay is None:
                    raise
                log.warning("retrying %s in %s s", payment["id"], delay)
                await asyncio.sleep(delay)
        await consumer.commit(message=message, asynchronous=False)
