"""Right, because marks and balances of a batch change together, and all positions are committed after them."""

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
                mark = await db.execute(
                    "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING",
                    (payment["id"],),
                )
                if mark.rowcount == 1:
                    await db.execute(
                        "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                        (payment["amount"], payment["account"]),
                    )
        await consumer.commit(asynchronous=False)
