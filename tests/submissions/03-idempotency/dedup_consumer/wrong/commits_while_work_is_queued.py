"""The commit covers messages that only wait in memory, and a crash loses them.

Fails: test_a_crash_at_every_await
"""

import json
from collections import deque

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def apply_next(db: AsyncConnection, queue: deque[bytes]) -> None:
    payment = json.loads(queue[0])
    async with db.transaction():
        cursor = await db.execute(
            "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
        )
        if cursor.rowcount == 1:
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                (payment["amount"], payment["account"]),
            )
    queue.popleft()


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    queue: deque[bytes] = deque()
    while True:
        message = await consumer.poll(1.0)
        if message is not None:
            queue.append(message.value())
            await consumer.commit(asynchronous=True)
            if len(queue) < 5:
                continue
        while queue:
            await apply_next(db, queue)
