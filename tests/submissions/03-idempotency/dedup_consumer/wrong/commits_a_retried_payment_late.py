"""Committing a payment that was retried after later ones sets the committed offset back.

Fails: test_a_database_that_fails_for_a_moment
"""

import json

from confluent_kafka import Message
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection
from psycopg.errors import QueryCanceled


async def handle(consumer: AIOConsumer, db: AsyncConnection, message: Message) -> None:
    payment = json.loads(message.value())
    async with db.transaction():
        cursor = await db.execute(
            "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
        )
        if cursor.rowcount == 1:
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                (payment["amount"], payment["account"]),
            )
    await consumer.commit(message=message, asynchronous=False)


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    postponed: list[Message] = []
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            if not postponed:
                continue
            message = postponed.pop()
        try:
            await handle(consumer, db, message)
        except QueryCanceled:
            postponed.append(message)
