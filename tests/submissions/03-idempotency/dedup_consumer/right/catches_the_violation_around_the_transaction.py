"""Right, because the violation undoes the update of its transaction, and only the offset is left to commit."""

import contextlib
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
        with contextlib.suppress(UniqueViolation):
            async with db.transaction():
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
                await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
        await consumer.commit(message=message, asynchronous=False)
