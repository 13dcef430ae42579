"""Two orders of one item have events with the same id, and a consumer takes the second for a duplicate.

Fails: test_an_order_has_an_event
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
        try:
            async with db.transaction():
                placed = await db.execute(ORDER, (order, item))
                if placed.rowcount == 1:
                    await db.execute(STOCK, (item,))
                    await db.execute(EVENT, (f"placed-{item}", order, json.dumps({"order": order, "item": item})))
        except CheckViolation:
            pass  # sold out: the transaction is rolled back
        await consumer.commit(message=message, asynchronous=False)
