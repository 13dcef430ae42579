"""A batch holds messages of several partitions, and only the partition of the last one is committed.

Fails: test_every_payment_is_applied
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        messages = await consumer.consume(num_messages=100, timeout=1.0)
        if not messages:
            continue
        async with db.transaction():
            for message in messages:
                payment = json.loads(message.value())
                cursor = await db.execute(
                    "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING",
                    (payment["id"],),
                )
                if cursor.rowcount == 1:
                    await db.execute(
                        "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                        (payment["amount"], payment["account"]),
                    )
        await consumer.commit(message=messages[-1], asynchronous=False)
