"""Recurses without a limit until the stack ends.

Held by: judge.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

sys.setrecursionlimit(10**9)


async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        def deeper(*arguments):
            return sorted([1], key=deeper)


        deeper()
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
