"""A newsletter that cannot be sent is given up at once; its offset is committed already."""

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection, OperationalError


async def at_most_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await consumer.commit(message=message, asynchronous=False)
        try:
            await db.execute("INSERT INTO newsletters (id) VALUES (%s)", (message.value().decode(),))
        except OperationalError:
            print("given up")


async def at_least_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await db.execute("INSERT INTO alarms (id) VALUES (%s)", (message.value().decode(),))
        await consumer.commit(message=message, asynchronous=False)
