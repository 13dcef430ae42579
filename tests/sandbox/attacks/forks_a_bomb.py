"""Forks, and every fork forks.

Held by: seccomp, limits.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

for _ in range(100):
    try:
        os.fork()
    except OSError:
        break


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
