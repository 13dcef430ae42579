"""After a crash the set of ids is empty, and a payment that was applied is applied again.

Fails: test_a_crash_at_every_await
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    seen: set[str] = set()
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        if payment["id"] not in seen:
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                (payment["amount"], payment["account"]),
            )
            seen.add(payment["id"])
        await consumer.commit(message=message, asynchronous=False)
