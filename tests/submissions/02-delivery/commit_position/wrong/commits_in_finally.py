"""The commit stands in a `finally`, so the alarm that failed is committed too.

Fails: test_at_least_once_and_a_gateway_that_fails
"""

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def at_most_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await consumer.commit(message=message, asynchronous=False)
        await db.execute("INSERT INTO newsletters (id) VALUES (%s)", (message.value().decode(),))


async def at_least_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        try:
            await db.execute("INSERT INTO alarms (id) VALUES (%s)", (message.value().decode(),))
        finally:
            await consumer.commit(message=message, asynchronous=False)
