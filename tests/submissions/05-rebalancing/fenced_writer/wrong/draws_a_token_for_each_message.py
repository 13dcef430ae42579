"""Whoever wakes up between reading a message and drawing has the newest token of all.

Fails: test_an_owner_that_wakes_up_late
"""

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

DRAW = "UPDATE owners SET token = token + 1 WHERE partition = %s RETURNING token"
WRITE = """
    INSERT INTO prices (product, price, token) VALUES (%s, %s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price, token = excluded.token
        WHERE prices.token <= excluded.token
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    await consumer.subscribe(["prices"])
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        cursor = await db.execute(DRAW, (message.partition(),))
        [token] = await cursor.fetchone()
        await db.execute(WRITE, (message.key().decode(), int(message.value()), token))
        await consumer.commit(message=message, asynchronous=False)
