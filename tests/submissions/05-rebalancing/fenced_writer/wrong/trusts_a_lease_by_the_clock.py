"""It looks at the clock to see that its session cannot be over, and stands still after that.

Fails: test_an_owner_that_wakes_up_late
"""

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

LEASE_S = 5.0
WRITE = """
    INSERT INTO prices (product, price) VALUES (%s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection, clock) -> None:
    await consumer.subscribe(["prices"])
    while True:
        message = await consumer.poll(1.0)
        heard = clock.now()
        if message is None:
            continue
        if clock.now() - heard > LEASE_S:
            continue
        await db.execute(WRITE, (message.key().decode(), int(message.value())))
        await consumer.commit(message=message, asynchronous=False)
