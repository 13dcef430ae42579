"""A payment whose id is lower than one that came before it in another partition is taken for a duplicate.

Fails: test_two_consumers_of_one_group
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
            cursor = await db.execute("SELECT max(payment_id) FROM processed")
            row = await cursor.fetchone()
            highest = row[0] if row else None
            if highest is None or payment["id"] > highest:
                await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        await consumer.commit(message=message, asynchronous=False)
