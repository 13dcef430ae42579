"""The mark is written, and nobody looks whether it was there.

Fails: test_a_payment_that_was_sent_twice
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            await db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
            )
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
            )
        await consumer.commit(message=message, asynchronous=False)
