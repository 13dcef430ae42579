"""The constraint says that the order was placed before, and with it its event."""

import json

from confluent_kafka.aio import AIOConsumer, AIOProducer
from psycopg import AsyncConnection
from psycopg.errors import CheckViolation, UniqueViolation

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
                await db.execute("INSERT INTO orders (id, item) VALUES (%s, %s)", (order, item))
                await db.execute(STOCK, (item,))
                await db.execute(EVENT, (f"{order} placed", order, json.dumps({"order": order, "item": item})))
        except (CheckViolation, UniqueViolation):
            pass
        await consumer.commit(message=message, asynchronous=False)
