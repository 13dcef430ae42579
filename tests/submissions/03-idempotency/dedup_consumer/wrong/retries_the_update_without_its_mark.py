"""The retry applies the payment without its mark, so it is applied again when it is delivered again.

Fails: test_two_consumers_of_one_group
"""

import json
from typing import Any

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection, OperationalError

ADD = "UPDATE accounts SET balance = balance + %(amount)s WHERE id = %(account)s"
MARK = "INSERT INTO processed (payment_id) VALUES (%(id)s) ON CONFLICT DO NOTHING"


async def apply_once(db: AsyncConnection, payment: dict[str, Any]) -> None:
    try:
        async with db.transaction():
            if (await db.execute(MARK, payment)).rowcount == 0:
                return
            await db.execute(ADD, payment)
    except OperationalError:
        await db.execute(ADD, payment)


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await apply_once(db, json.loads(message.value()))
        await consumer.commit(message=message, asynchronous=False)
