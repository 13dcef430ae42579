"""Raises an exception whose text never ends.

Held by: clock.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

class Endless(Exception):
    def __str__(self):
        return "x" * 10**9 + str(max(iter(int, 1)))


async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        raise Endless
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
