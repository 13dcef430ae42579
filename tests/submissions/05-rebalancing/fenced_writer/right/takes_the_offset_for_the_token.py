"""All changes of a product are in one partition, so the offset grows with them; it fences an old write, too."""

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

WRITE = """
    INSERT INTO prices (product, price, token) VALUES (%s, %s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price, token = excluded.token
        WHERE prices.token <= excluded.token
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    await consumer.subscribe(["prices"])
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await db.execute(WRITE, (message.key().decode(), int(message.value()), message.offset()))
        await consumer.commit(message=message, asynchronous=False)
