"""A commit that nobody waits for is none: it is lost or refused, and the newsletter is sent all the same.

Fails: test_at_most_once_and_a_commit_without_an_answer
"""

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def at_most_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await consumer.commit(message=message, asynchronous=True)
        await db.execute("INSERT INTO newsletters (id) VALUES (%s)", (message.value().decode(),))


async def at_least_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await db.execute("INSERT INTO alarms (id) VALUES (%s)", (message.value().decode(),))
        await consumer.commit(message=message, asynchronous=False)
