"""It asks which token is current and writes with that: with B's token, a moment later.

Fails: test_an_owner_that_wakes_up_late
"""

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

DRAW = "UPDATE owners SET token = token + 1 WHERE partition = %s RETURNING token"
LOOK = "SELECT token FROM owners WHERE partition = %s"
WRITE = """
    INSERT INTO prices (product, price, token) VALUES (%s, %s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price, token = excluded.token
        WHERE prices.token <= excluded.token
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    async def on_assign(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        for given in partitions:
            await db.execute(DRAW, (given.partition,))

    await consumer.subscribe(["prices"], on_assign=on_assign)
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        cursor = await db.execute(LOOK, (message.partition(),))
        [token] = await cursor.fetchone()
        await db.execute(WRITE, (message.key().decode(), int(message.value()), token))
        await consumer.commit(message=message, asynchronous=False)
