"""Right, because RETURNING gives a row only to the transaction whose mark is the first."""

import json
from dataclasses import dataclass

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


@dataclass(frozen=True)
class Payment:
    id: str
    account: str
    amount: int


class Bank:
    def __init__(self, db: AsyncConnection) -> None:
        self._db = db

    async def apply(self, payment: Payment) -> None:
        async with self._db.transaction():
            if await self._is_new(payment):
                await self._db.execute(
                    "UPDATE accounts SET balance = balance + %(amount)s WHERE id = %(account)s",
                    {"amount": payment.amount, "account": payment.account},
                )

    async def _is_new(self, payment: Payment) -> bool:
        cursor = await self._db.execute(
            """
            INSERT INTO processed (payment_id) VALUES (%(id)s)
            ON CONFLICT (payment_id) DO NOTHING
            RETURNING payment_id
            """,
            {"id": payment.id},
        )
        return await cursor.fetchone() is not None


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    bank = Bank(db)
    while True:
        message = await consumer.poll()
        if message is None:
            continue
        await bank.apply(Payment(**json.loads(message.value())))
        await consumer.commit(message=message, asynchronous=False)
