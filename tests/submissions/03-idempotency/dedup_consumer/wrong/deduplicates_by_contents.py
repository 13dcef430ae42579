"""Of two payments of the same amount into the same account only one is applied.

Fails: test_every_payment_is_applied
"""

import hashlib
import json
from typing import Any

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


def fingerprint(payment: dict[str, Any]) -> str:
    return hashlib.sha256(f"{payment['account']}:{payment['amount']}".encode()).hexdigest()


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            cursor = await db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING",
                (fingerprint(payment),),
            )
            if cursor.rowcount == 1:
                await db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )
        await consumer.commit(message=message, asynchronous=False)
