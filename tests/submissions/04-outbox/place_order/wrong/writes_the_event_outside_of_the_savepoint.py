"""The inner block is rolled back, the outer one commits: an event without an order.

Fails: test_what_is_sold_out_has_no_event
"""

import json

from confluent_kafka.aio import AIOConsumer, AIOProducer
from psycopg import AsyncConnection
from psycopg.errors import CheckViolation

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
            placed = await db.execute("SELECT 1 FROM orders WHERE id = %s", (order,))
            if await placed.fetchone() is None:
                await db.execute(EVENT, (f"{order} placed", order, json.dumps({"order": order, "item": item})))
                try:
                    async with db.transaction():
                        await db.execute(ORDER, (order, item))
                        await db.execute(STOCK, (item,))
                except CheckViolation:
                    pass
        await consumer.commit(message=message, asynchronous=False)
