"""A cancelled statement is taken for a duplicate, so its payment is skipped.

Fails: test_a_database_that_fails_for_a_moment
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection, DatabaseError


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        try:
            async with db.transaction():
                await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        except DatabaseError:
            pass  # we have had this one: the transaction is rolled back
        await consumer.commit(message=message, asynchronous=False)
