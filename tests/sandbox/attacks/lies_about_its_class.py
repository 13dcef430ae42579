"""Awaits an object that says it is a request.

Held by: judge.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

class Lie:
    __class__ = sys.modules["unreliable.requests"].Commit

    def __await__(self):
        return (yield self)


async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        await Lie()
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
