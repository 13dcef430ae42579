"""A token for each process, not for each time that it is given a partition: back in office, A has the older token.

Fails: test_a_partition_that_comes_back
"""

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

DRAW = "UPDATE owners SET token = token + 1 WHERE partition = %s RETURNING token"
WRITE = """
    INSERT INTO prices (product, price, token) VALUES (%s, %s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price, token = excluded.token
        WHERE prices.token <= excluded.token
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    cursor = await db.execute(DRAW, (0,))
    [token] = await cursor.fetchone()
    await consumer.subscribe(["prices"])
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        written = await db.execute(WRITE, (message.key().decode(), int(message.value()), token))
        if written.rowcount == 0:
            continue
        await consumer.commit(message=message, asynchronous=False)
