"""One counter for all partitions, in the row of partition 0: a token drawn later is larger, whatever it is for."""

from confluent_kafka import TopicPartition
from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

DRAW = "UPDATE owners SET token = token + 1 WHERE partition = 0 RETURNING token"
WRITE = """
    INSERT INTO prices (product, price, token) VALUES (%s, %s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price, token = excluded.token
        WHERE prices.token <= excluded.token
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    token = 0

    async def on_assign(_: AIOConsumer, partitions: list[TopicPartition]) -> None:
        nonlocal token
        cursor = await db.execute(DRAW)
        [token] = await cursor.fetchone()

    await consumer.subscribe(["prices"], on_assign=on_assign)
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        written = await db.execute(WRITE, (message.key().decode(), int(message.value()), token))
        if written.rowcount == 0:
            raise RuntimeError("somebody else owns this partition by now")
        await consumer.commit(message=message, asynchronous=False)
