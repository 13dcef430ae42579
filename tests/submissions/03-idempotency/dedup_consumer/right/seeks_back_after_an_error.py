"""Right, because a cancelled payment is read again before anything after it; other errors restart the process."""

import json
from typing import Any

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable, QueryCanceled


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
        try:
            await apply_once(db, json.loads(message.value()))
        except (QueryCanceled, LockNotAvailable):
            await consumer.seek(TopicPartition(message.topic(), message.partition(), message.offset()))
        else:
            await consumer.commit(message=message, asynchronous=False)
