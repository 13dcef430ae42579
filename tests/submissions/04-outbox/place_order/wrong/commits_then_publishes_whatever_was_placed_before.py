"""Publishing again at each delivery helps after a crash, unless the offset was committed first.

Fails: test_a_crash_at_every_await
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
        await consumer.commit(message=message, asynchronous=False)
        try:
            async with db.transaction():
                placed = await db.execute(ORDER, (order, item))
                if placed.rowcount == 1:
                    await db.execute(STOCK, (item,))
        except CheckViolation:
            continue
        event = {"id": f"{order} placed", "order": order, "item": item}
        await (await producer.produce("events", json.dumps(event), key=order))
