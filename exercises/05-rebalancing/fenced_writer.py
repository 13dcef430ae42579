"""Write prices so that an owner who wakes up late changes nothing any more.

The topic `prices` carries a product as key and its new price as value, `b"lamp"` and `b"20"`. All changes of one
product are in one partition, in their order. Your consumer shares the topic with another that runs the same code.
It may stand still before every `await`, for longer than its session, and then go on as if nothing had been;
meanwhile the other was given its partition and has gone on. It may also crash, and start again from the top.

In the end the table has to hold the last price of each product, and every offset has to be committed. Writing the
same price again, in its order, does no harm.

The tables are there already; in `owners` each partition has its row, with the token of its last owner:

    prices (product TEXT PRIMARY KEY, price INTEGER NOT NULL, token INTEGER NOT NULL DEFAULT 0)
    owners (partition INTEGER PRIMARY KEY, token INTEGER NOT NULL)

A fencing token is a number that grows with each change of owner. Kafka has one, the group's generation; Java tells
it (`groupMetadata().generationId()`), Python's client keeps it in an opaque object. So draw one from the database
when you are given a partition. `subscribe` takes callbacks, which are run inside of `poll`:

    async def on_assign(consumer: AIOConsumer, partitions: list[TopicPartition]) -> None: ...

`db` is in autocommit mode: a statement is a transaction of its own, unless it stands inside of
`async with db.transaction():`. Of an `INSERT … ON CONFLICT … DO UPDATE … WHERE …`, and of an `UPDATE`,
`cursor.rowcount` says how many rows it has written.
"""

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

WRITE = """
    INSERT INTO prices (product, price) VALUES (%s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price
"""


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    await consumer.subscribe(["prices"])
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        # TODO: whoever wakes up late writes a price of yesterday.
        await db.execute(WRITE, (message.key().decode(), int(message.value())))
        await consumer.commit(message=message, asynchronous=False)
