"""Tries the commit again until it succeeds; who is no longer a member never succeeds.

Fails: test_at_most_once_and_a_partition_that_moves
"""

from confluent_kafka import KafkaException
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def at_most_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        committed = False
        while not committed:
            try:
                await consumer.commit(message=message, asynchronous=False)
                committed = True
            except KafkaException:
                pass
        await db.execute("INSERT INTO newsletters (id) VALUES (%s)", (message.value().decode(),))


async def at_least_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await db.execute("INSERT INTO alarms (id) VALUES (%s)", (message.value().decode(),))
        await consumer.commit(message=message, asynchronous=False)
