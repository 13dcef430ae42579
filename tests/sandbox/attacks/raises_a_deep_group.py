"""Raises a thousand exception groups inside of one another.

Held by: judge.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

error = ValueError()
for _ in range(1000):
    error = BaseExceptionGroup("x", [error])


async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        raise error
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
