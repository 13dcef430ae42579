"""The error undoes the inner block alone, and the outer one commits a mark without its payment.

Fails: test_a_database_that_fails_for_a_moment
"""

import json

import psycopg
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            cursor = await db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
            )
            if cursor.rowcount == 1:
                try:
                    async with db.transaction():
                        await db.execute(
                            "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                            (payment["amount"], payment["account"]),
                        )
                except psycopg.Error as error:
                    print(f"rolled back {payment['id']}: {error}")
        await consumer.commit(message=message, asynchronous=False)
