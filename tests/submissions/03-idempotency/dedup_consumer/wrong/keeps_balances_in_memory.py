"""The other consumer's payments are missing from the balance in memory, and writing it undoes them.

Fails: test_two_consumers_of_one_group
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def load_balances(db: AsyncConnection) -> dict[str, int]:
    cursor = await db.execute("SELECT id, balance FROM accounts")
    return dict(await cursor.fetchall())


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    balances = await load_balances(db)
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            cursor = await db.execute(
                "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING RETURNING payment_id",
                (payment["id"],),
            )
            if await cursor.fetchone() is not None:
                balances[payment["account"]] += payment["amount"]
                await db.execute(
                    "UPDATE accounts SET balance = %s WHERE id = %s",
                    (balances[payment["account"]], payment["account"]),
                )
        await consumer.commit(message=message, asynchronous=False)
