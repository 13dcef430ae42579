"""The id is in the cache before its transaction has committed, so the retry after an error takes it for done.

Fails: test_a_database_that_fails_for_a_moment
"""

import json
from typing import Any

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection
from psycopg.errors import QueryCanceled


class Ledger:
    def __init__(self, db: AsyncConnection) -> None:
        self.db = db
        self.cache: set[str] = set()

    async def apply(self, payment: dict[str, Any]) -> None:
        if payment["id"] in self.cache:
            return
        self.cache.add(payment["id"])
        async with self.db.transaction():
            cursor = await self.db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
            )
            if cursor.rowcount == 1:
                await self.db.execute(
                    "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                    (payment["amount"], payment["account"]),
                )


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    ledger = Ledger(db)
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        try:
            await ledger.apply(payment)
        except QueryCanceled:
            await ledger.apply(payment)
        await consumer.commit(message=message, asynchronous=False)
