"""What the other consumer marks is not in the set that was loaded at the start, so its payment is applied again.

Fails: test_two_consumers_of_one_group
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    cursor = await db.execute("SELECT payment_id FROM processed")
    seen = {payment_id for (payment_id,) in await cursor.fetchall()}
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        if payment["id"] not in seen:
            async with db.transaction():
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
                await db.execute(
                    "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING",
                    (payment["id"],),
                )
            seen.add(payment["id"])
        await consumer.commit(message=message, asynchronous=False)
