"""Place each order together with its event: both, or neither.

The topic `carts` carries what customers want, `{"order": "o1", "item": "lamp"}`, one item each. If the item is in
stock, the order is placed, and the topic `events` has to tell of it. If not, there is no order, and nobody must
ever hear of one.

Your process may crash at every `await`; then it starts again from the top, and Kafka delivers again what was not
committed. The database may fail for a moment; its connection may break, and then nobody tells you whether a
`COMMIT` happened. What the producer sends may not get there. Meanwhile another shop sells from the same stock.

There is a relay already: another process, which reads the table `outbox`, publishes each row to `events` and then
deletes it. It may crash between the two, and then it publishes the row again. The message is the `id` and the
fields of `payload`, which is JSON; its key is `aggregate_id`. A row without an `id` is given one when it is sent.

    stock (item TEXT PRIMARY KEY, quantity INTEGER CHECK (quantity >= 0), elsewhere INTEGER)
    orders (id TEXT PRIMARY KEY, item TEXT NOT NULL)
    outbox (seq, id TEXT, aggregate_id TEXT NOT NULL, payload TEXT NOT NULL)

The database gives each row of `outbox` its `seq`; `elsewhere` is what the other shop has sold. At the end

- each order has one event, `{"id": …, "order": "o1", "item": "lamp"}`, with the order's id as its key. It may
  stand in the topic more than once, always with the same id, which no other order's event has;
- there is no event of an order that is not in the table;
- what is gone from the stock was sold;
- every cart is dealt with, and its offset committed.
"""

import json

from confluent_kafka.aio import AIOConsumer, AIOProducer
from psycopg import AsyncConnection
from psycopg.errors import CheckViolation


async def place_orders(consumer: AIOConsumer, db: AsyncConnection, producer: AIOProducer) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        cart = json.loads(message.value())
        order, item = cart["order"], cart["item"]
        try:
            async with db.transaction():
                placed = await db.execute(
                    "INSERT INTO orders (id, item) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    (order, item),
                )
                if placed.rowcount == 1:
                    await db.execute("UPDATE stock SET quantity = quantity - 1 WHERE item = %s", (item,))
            if placed.rowcount == 1:
                # TODO: this is a second write, to a second system, and a crash may come before it.
                event = {"id": f"{order} placed", "order": order, "item": item}
                await (await producer.produce("events", json.dumps(event), key=order))
        except CheckViolation:
            pass  # sold out: the transaction is rolled back
        await consumer.commit(message=message, asynchronous=False)
