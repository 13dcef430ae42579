"""Sends a statement behind so many comments that whoever looks for its first word is never done.

Held by: world.
"""

import json


async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        await db.execute("/**/" * 60 + "SELECT 1")
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
