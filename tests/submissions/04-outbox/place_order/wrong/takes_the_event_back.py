"""The event is out for as long as nobody has taken it back: the relay may be quicker.

Fails: test_a_crash_while_another_shop_sells
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
        await db.execute(EVENT, (f"{order} placed", order, json.dumps({"order": order, "item": item})))
        try:
            async with db.transaction():
                placed = await db.execute(ORDER, (order, item))
                if placed.rowcount == 1:
                    await db.execute(STOCK, (item,))
        except CheckViolation:
            await db.execute("DELETE FROM outbox WHERE aggregate_id = %s", (order,))
        await consumer.commit(message=message, asynchronous=False)
