"""Loops while it is imported, and swallows what would stop it.

Held by: clock.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

while True:
    try:
        while True:
            pass
    except BaseException:
        continue


async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
