"""The update is a transaction of its own: when the mark tells of the duplicate, the money has moved.

Fails: test_a_payment_that_was_sent_twice
"""

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
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                (payment["amount"], payment["account"]),
            )
            await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
        except UniqueViolation:
            print(f"{payment['id']} was processed before")
        await consumer.commit(message=message, asynchronous=False)
