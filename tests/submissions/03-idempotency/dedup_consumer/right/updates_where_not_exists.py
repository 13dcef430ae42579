"""Right, because the update looks for the mark itself, and if it looked too early, the insert undoes it."""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

APPLY = """
    UPDATE accounts SET balance = balance + %(amount)s
    WHERE id = %(account)s AND NOT EXISTS (SELECT 1 FROM processed WHERE payment_id = %(id)s)
"""
MARK = "INSERT INTO processed (payment_id) VALUES (%(id)s)"


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            applied = await db.execute(APPLY, payment)
            if applied.rowcount == 1:
                await db.execute(MARK, payment)
        await consumer.commit(message=message, asynchronous=False)
