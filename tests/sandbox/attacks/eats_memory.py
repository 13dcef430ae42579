"""Takes all memory there is, and swallows the errors.

Held by: limits.
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
        kept = []
        size = 10**8
        while True:
            try:
                kept.append(b"x" * size)
            except MemoryError:
                size //= 2
                if not size:
                    os._exit(0)
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
