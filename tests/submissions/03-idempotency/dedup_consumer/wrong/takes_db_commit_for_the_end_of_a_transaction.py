"""In autocommit mode the mark is permanent at once; commit() does nothing, and a crash between loses the payment.

Fails: test_a_crash_at_every_await
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        try:
            await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                (payment["amount"], payment["account"]),
            )
            await db.commit()
        except UniqueViolation:
            await db.rollback()
        await consumer.commit(message=message, asynchronous=False)
