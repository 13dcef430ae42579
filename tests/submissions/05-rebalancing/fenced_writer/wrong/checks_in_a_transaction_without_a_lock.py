"""In READ COMMITTED a transaction that has read a token does not keep others from drawing the next one.

Fails: test_an_owner_that_wakes_up_late
"""

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

DRAW = "UPDATE owners SET token = token + 1 WHERE partition = %s RETURNING token"
LOOK = "SELECT token FROM owners WHERE partition = %s"
WRITE = """
    INSERT INTO prices (product, price) VALUES (%s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price
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
        async with db.transaction():
            cursor = await db.execute(LOOK, (message.partition(),))
            [token] = await cursor.fetchone()
            if token != tokens[message.partition()]:
                continue
            await db.execute(WRITE, (message.key().decode(), int(message.value())))
        await consumer.commit(message=message, asynchronous=False)
