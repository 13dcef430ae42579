"""One commit for a batch of alarms: a crash in its middle sends all of them again.

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
    while True:
        messages = await consumer.consume(10, 1.0)
        if not messages:
            continue
        for message in messages:
            await db.execute("INSERT INTO alarms (id) VALUES (%s)", (message.value().decode(),))
        await consumer.commit(message=messages[-1], asynchronous=False)
