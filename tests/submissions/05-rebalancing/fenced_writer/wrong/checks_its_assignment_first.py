"""The partition is A's when it asks; A stands still between the answer and the write.

Fails: test_an_owner_that_wakes_up_late
"""

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

WRITE = """
    INSERT INTO prices (product, price) VALUES (%s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    await consumer.subscribe(["prices"])
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        mine = TopicPartition(message.topic(), message.partition())
        if mine not in await consumer.assignment():
            continue
        await db.execute(WRITE, (message.key().decode(), int(message.value())))
        await consumer.commit(message=message, asynchronous=False)
