"""Alarms are looked up before they are sent: at least once, and seldom more than once."""

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
        seen = await db.execute("SELECT 1 FROM alarms WHERE id = %s", (message.value().decode(),))
        if await seen.fetchone() is None:
            await db.execute("INSERT INTO alarms (id) VALUES (%s)", (message.value().decode(),))
        await consumer.commit(message=message, asynchronous=False)
