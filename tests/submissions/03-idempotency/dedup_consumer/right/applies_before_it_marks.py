"""In one transaction the order does not matter: the violation undoes the effect."""

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
            async with db.transaction():
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
                await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
        except UniqueViolation:
            pass
        await consumer.commit(message=message, asynchronous=False)
