"""Kafka does refuse a zombie's commit; but who has committed may stand still, or die, before the write.

Fails: test_a_crash_at_every_await
"""

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
        await consumer.commit(message=message, asynchronous=False)
        await db.execute(WRITE, (message.key().decode(), int(message.value())))
