"""The owner's row is held while it is compared, and let go before the batch is written.

Fails: test_two_partitions_at_once
"""

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

DRAW = "UPDATE owners SET token = token + 1 WHERE partition = %s RETURNING token"
HOLD = "UPDATE owners SET token = token WHERE partition = %s AND token = %s"
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
        messages = await consumer.consume(10, 1.0)
        for partition in sorted({message.partition() for message in messages}):
            mine = [message for message in messages if message.partition() == partition]
            async with db.transaction():
                held = await db.execute(HOLD, (partition, tokens[partition]))
            if held.rowcount == 0:
                continue
            last_prices = {message.key().decode(): int(message.value()) for message in mine}
            for change in last_prices.items():
                await db.execute(WRITE, change)
            await consumer.commit(message=mine[-1], asynchronous=False)
