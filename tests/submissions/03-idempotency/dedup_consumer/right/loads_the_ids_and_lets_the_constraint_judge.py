"""Right, because the set only saves a look into the table: what it lacks, the primary key refuses."""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    seen = {row[0] async for row in await db.execute("SELECT payment_id FROM processed")}
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        if payment["id"] not in seen:
            async with db.transaction():
                await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
            seen.add(payment["id"])
        await consumer.commit(message=message, asynchronous=False)
