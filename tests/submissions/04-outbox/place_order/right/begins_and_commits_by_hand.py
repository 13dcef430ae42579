"""The transaction is begun and ended by statements."""

import json

from confluent_kafka.aio import AIOConsumer, AIOProducer
from psycopg import AsyncConnection
from psycopg.errors import CheckViolation

ORDER = "INSERT INTO orders (id, item) VALUES (%s, %s) ON CONFLICT DO NOTHING"


async def place_orders(consumer: AIOConsumer, db: AsyncConnection, producer: AIOProducer) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        cart = json.loads(message.value())
        order, item = cart["order"], cart["item"]
        await db.execute("BEGIN")
        try:
            placed = await db.execute(ORDER, (order, item))
            if placed.rowcount == 1:
                await db.execute("UPDATE stock SET quantity = quantity - 1 WHERE item = %s", (item,))
                event = (f"{order} placed", order, json.dumps({"order": order, "item": item}))
                await db.execute("INSERT INTO outbox (id, aggregate_id, payload) VALUES (%s, %s, %s)", event)
            await db.commit()
        except CheckViolation:
            await db.rollback()
        await consumer.commit(message=message, asynchronous=False)
