"""A commit that failed is not tried again, so the last message stays uncommitted.

Fails: test_an_answer_that_does_not_arrive
"""

import json

from confluent_kafka import KafkaException
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
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        try:
            await consumer.commit(message=message, asynchronous=False)
        except KafkaException as error:
            print(f"commit failed, the next one will do: {error.args[0].name()}")
