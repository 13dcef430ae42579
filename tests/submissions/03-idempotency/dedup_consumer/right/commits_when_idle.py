"""Right, because a commit may come late: the marks tell what was applied, whatever is delivered again."""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    uncommitted = False
    while True:
        message = await consumer.poll(0.2)
        if message is None:
            if uncommitted:
                await consumer.commit(asynchronous=False)
                uncommitted = False
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
        uncommitted = True
