"""After the violation the transaction has failed, so the update that should undo it fails each time it is tried.

Fails: test_a_payment_that_was_sent_twice
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection
from psycopg.errors import UniqueViolation

ADD = "UPDATE accounts SET balance = balance + %s WHERE id = %s"


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            await db.execute(ADD, (payment["amount"], payment["account"]))
            try:
                await db.execute("INSERT INTO processed (payment_id) VALUES (%s)", (payment["id"],))
            except UniqueViolation:
                await db.execute(ADD, (-payment["amount"], payment["account"]))
        await consumer.commit(message=message, asynchronous=False)
