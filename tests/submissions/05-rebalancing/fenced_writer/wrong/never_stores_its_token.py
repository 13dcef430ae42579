"""The row is compared with a token that nobody writes into it: 0 is never too high.

Fails: test_an_owner_that_wakes_up_late
"""

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

DRAW = "UPDATE owners SET token = token + 1 WHERE partition = %s RETURNING token"
WRITE = """
    INSERT INTO prices (product, price) VALUES (%s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price
        WHERE prices.token <= %s
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
        await db.execute(WRITE, (message.key().decode(), int(message.value()), token))
        await consumer.commit(message=message, asynchronous=False)
