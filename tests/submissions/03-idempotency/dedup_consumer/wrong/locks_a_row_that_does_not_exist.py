"""FOR UPDATE locks the rows it finds: of a new payment there is none, so two consumers both go on.

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
            cursor = await db.execute(
                "SELECT payment_id FROM processed WHERE payment_id = %s FOR UPDATE", (payment["id"],)
            )
            if await cursor.fetchone() is None:
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
                await db.execute(
                    "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING",
                    (payment["id"],),
                )
        await consumer.commit(message=message, asynchronous=False)
