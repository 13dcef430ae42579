"""What is written does not say who is the owner: prices also fall.

Fails: test_every_price_is_written
"""

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

WRITE = """
    INSERT INTO prices (product, price) VALUES (%s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price
        WHERE prices.price <= excluded.price
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    await consumer.subscribe(["prices"])
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await db.execute(WRITE, (message.key().decode(), int(message.value())))
        await consumer.commit(message=message, asynchronous=False)
