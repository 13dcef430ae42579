"""Commits when there is nothing to do; a crash in busy times sends every alarm again.

Fails: test_at_least_once_and_crashes
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
    fresh = False
    while True:
        message = await consumer.poll(1.0)
        if message is not None:
            await db.execute("INSERT INTO alarms (id) VALUES (%s)", (message.value().decode(),))
            fresh = True
        elif fresh:
            await consumer.commit(asynchronous=False)
            fresh = False
