"""No row was updated, so it inserts or overwrites without a token: as it would for a new product.

Fails: test_an_owner_that_wakes_up_late
"""

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

DRAW = "UPDATE owners SET token = token + 1 WHERE partition = %s RETURNING token"
UPDATE = "UPDATE prices SET price = %s, token = %s WHERE product = %s AND token <= %s"
WRITE = """
    INSERT INTO prices (product, price, token) VALUES (%s, %s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price, token = excluded.token
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    tokens: dict[int, int] = {}

    async def on_assign(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        for given in partitions:
            cursor = await db.execute(DRAW, (given.partition,))
            [tokens[given.partition]] = await cursor.fetchone()

    await consumer.subscribe(["prices"], on_assign=on_assign)
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        token = tokens[message.partition()]
        product, price = message.key().decode(), int(message.value())
        written = await db.execute(UPDATE, (price, token, product, token))
        if written.rowcount == 0:
            await db.execute(WRITE, (product, price, token))
        await consumer.commit(message=message, asynchronous=False)
