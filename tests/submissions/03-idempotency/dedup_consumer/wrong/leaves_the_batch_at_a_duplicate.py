"""What stands behind a duplicate in the same batch is skipped and committed.

Fails: test_a_payment_that_was_sent_twice
"""

import json

from confluent_kafka import Message
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def apply_batch(db: AsyncConnection, messages: list[Message]) -> None:
    async with db.transaction():
        for message in messages:
            payment = json.loads(message.value())
            cursor = await db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
            )
            if cursor.rowcount == 0:
                return
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                (payment["amount"], payment["account"]),
            )


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        messages = await consumer.consume(num_messages=10, timeout=1.0)
        if messages:
            await apply_batch(db, messages)
            await consumer.commit(asynchronous=False)
