"""Whoever has the lock on the stock may decide by what it reads."""

import json

from confluent_kafka.aio import AIOConsumer, AIOProducer
from psycopg import AsyncConnection

ORDER = "INSERT INTO orders (id, item) VALUES (%s, %s) ON CONFLICT DO NOTHING"
STOCK = "UPDATE stock SET quantity = quantity - 1 WHERE item = %s"
EVENT = "INSERT INTO outbox (id, aggregate_id, payload) VALUES (%s, %s, %s)"


async def place_orders(consumer: AIOConsumer, db: AsyncConnection, producer: AIOProducer) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        cart = json.loads(message.value())
        order, item = cart["order"], cart["item"]
        async with db.transaction():
            stock = await db.execute("SELECT quantity FROM stock WHERE item = %s FOR UPDATE", (item,))
            (quantity,) = await stock.fetchone()
            if quantity > 0:
                placed = await db.execute(ORDER, (order, item))
                if placed.rowcount == 1:
                    await db.execute(STOCK, (item,))
                    await db.execute(EVENT, (f"{order} placed", order, json.dumps({"order": order, "item": item})))
        await consumer.commit(message=message, asynchronous=False)
