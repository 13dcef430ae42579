"""A transaction keeps nobody from selling between its SELECT and its UPDATE: that sale is written over.

Fails: test_another_shop_sells_meanwhile
"""

import json

from confluent_kafka.aio import AIOConsumer, AIOProducer
from psycopg import AsyncConnection

LEFT = "SELECT quantity FROM stock WHERE item = %s"
KNOWN = "SELECT 1 FROM orders WHERE id = %s"
ORDER = "INSERT INTO orders (id, item) VALUES (%s, %s)"
EVENT = "INSERT INTO outbox (id, aggregate_id, payload) VALUES (%s, %s, %s)"
STOCK = "UPDATE stock SET quantity = %s WHERE item = %s"


async def place_orders(consumer: AIOConsumer, db: AsyncConnection, producer: AIOProducer) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        cart = json.loads(message.value())
        order, item = cart["order"], cart["item"]
        async with db.transaction():
            left = await db.execute(LEFT, (item,))
            (quantity,) = await left.fetchone()
            known = await db.execute(KNOWN, (order,))
            if quantity > 0 and await known.fetchone() is None:
                await db.execute(ORDER, (order, item))
                await db.execute(EVENT, (f"{order} placed", order, json.dumps({"order": order, "item": item})))
                await db.execute(STOCK, (quantity - 1, item))
        await consumer.commit(message=message, asynchronous=False)
