"""An UPDATE that changes nothing compares and locks at once; the price follows in the same transaction."""

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
        message = await consumer.poll(1.0)
        if message is None:
            continue
        async with db.transaction():
            held = await db.execute(HOLD, (message.partition(), tokens[message.partition()]))
            if held.rowcount == 0:
                raise RuntimeError("somebody else owns this partition by now")
            await db.execute(WRITE, (message.key().decode(), int(message.value())))
        await consumer.commit(message=message, asynchronous=False)
