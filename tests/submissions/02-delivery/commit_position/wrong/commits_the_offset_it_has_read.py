"""The committed offset is that of the message, not of the next: the last newsletter is read again.

Fails: test_at_most_once_without_faults
"""

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def at_most_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        place = TopicPartition(message.topic(), message.partition(), message.offset())
        await consumer.commit(offsets=[place], asynchronous=False)
        await db.execute("INSERT INTO newsletters (id) VALUES (%s)", (message.value().decode(),))


async def at_least_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await db.execute("INSERT INTO alarms (id) VALUES (%s)", (message.value().decode(),))
        await consumer.commit(message=message, asynchronous=False)
