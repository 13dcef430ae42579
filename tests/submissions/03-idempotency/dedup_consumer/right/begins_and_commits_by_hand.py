"""Right, because BEGIN and COMMIT bracket mark and balance, and any error ends the process and its transaction."""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        await db.execute("BEGIN")
        mark = await db.execute(
            "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
        )
        if mark.rowcount == 1:
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                (payment["amount"], payment["account"]),
            )
        await db.execute("COMMIT")
        await consumer.commit(message=message, asynchronous=False)
