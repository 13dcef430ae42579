"""An upsert changes one row for a duplicate as well, so its rowcount says nothing.

Fails: test_a_payment_that_was_sent_twice
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

MARK = """
    INSERT INTO processed (payment_id) VALUES (%s)
    ON CONFLICT (payment_id) DO UPDATE SET payment_id = excluded.payment_id
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            cursor = await db.execute(MARK, (payment["id"],))
            if cursor.rowcount > 0:
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        await consumer.commit(message=message, asynchronous=False)
