"""An update that waited for the other consumer's still sees the marks of before, and applies the payment again.

Fails: test_two_consumers_of_one_group
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

APPLY = """
    UPDATE accounts SET balance = balance + %(amount)s
    WHERE id = %(account)s AND NOT EXISTS (SELECT 1 FROM processed WHERE payment_id = %(id)s)
"""
MARK = "INSERT INTO processed (payment_id) VALUES (%(id)s) ON CONFLICT DO NOTHING"


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            await db.execute(APPLY, payment)
            await db.execute(MARK, payment)
        await consumer.commit(message=message, asynchronous=False)
