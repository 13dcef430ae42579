"""Leaves a process of another session that writes a file later.

Held by: seccomp, limits.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

try:
    if not os.fork():
        os.setsid()
        if not os.fork():
            sys.modules["time"].sleep(3)
            os.open("/tmp/course-escape-daemon", os.O_CREAT)
            while True:
                sys.modules["time"].sleep(60)
        os._exit(0)
except OSError:
    pass


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
