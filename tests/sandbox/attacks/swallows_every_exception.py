"""Swallows every exception, also those that end it, and goes on for ever.

Held by: clock.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]


async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        while True:
            try:
                while True:
                    await consumer.poll(0)
                    raise SystemExit
            except BaseException:
                if payment is None:
                    break
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
