"""Right, because the savepoint takes the violation, and the outer transaction goes on without the update."""

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
            try:
                async with db.transaction():
                    await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
            except psycopg.errors.UniqueViolation:
                print(f"{payment['id']} was applied before")
            else:
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        await consumer.commit(message=message, asynchronous=False)
