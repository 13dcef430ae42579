"""A commit that was not heard of may be asked for again; an INSERT that failed has not happened."""

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection, OperationalError


async def commit(consumer: AIOConsumer, message: Message) -> bool:
    """Whether the message is ours: False if its partition has moved."""
    while True:
        try:
            await consumer.commit(message=message, asynchronous=False)
            return True
        except KafkaException as error:
            if error.args[0].code() != KafkaError.REQUEST_TIMED_OUT:
                return False


async def at_most_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        if not await commit(consumer, message):
            continue
        await db.execute("INSERT INTO newsletters (id) VALUES (%s)", (message.value().decode(),))


async def at_least_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        try:
            await db.execute("INSERT INTO alarms (id) VALUES (%s)", (message.value().decode(),))
        except OperationalError:
            await db.execute("INSERT INTO alarms (id) VALUES (%s)", (message.value().decode(),))
        await consumer.commit(message=message, asynchronous=False)
