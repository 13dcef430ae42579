"""Apply each payment to its account exactly once.

The topic `payments` carries payments as JSON, `{"id": "p1", "account": "alice", "amount": 30}`, and each of them
at least once: a producer that heard no acknowledgement, or that restarted, sends the payment again, at another
offset. Two payments may be alike in all but their id: those are two payments.

Your process may crash at every `await`; then it starts again from the top, with nothing in memory, and Kafka
delivers again what was not committed. The database may fail for a moment, and its connection may break: then it
stays closed. An exception that you do not catch ends the process, which is restarted as after a crash. Another
consumer of the same group may run beside yours, and be given your partitions while you stand still.

At the end each balance has to be the sum of the account's payments, and every offset has to be committed.

The tables are there already:

    accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL)
    processed (payment_id TEXT PRIMARY KEY)

`db` is in autocommit mode: a statement is a transaction of its own, unless it stands inside of
`async with db.transaction():`. If you want to wait, add a parameter `clock` and `await clock.sleep(seconds)`.
"""

import json

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection


async def consume(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        # TODO: this applies a payment once for each time that it is delivered.
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s",
            (payment["amount"], payment["account"]),
        )
        await consumer.commit(message=message, asynchronous=False)
