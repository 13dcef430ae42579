"""Right, because it is inserts_and_looks_at_rowcount, only more impatient: an empty poll changes nothing."""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(0.01)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            mark = await db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
            )
            if mark.rowcount == 1:
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        await consumer.commit(message=message, asynchronous=False)
