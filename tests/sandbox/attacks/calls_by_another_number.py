"""Makes a system call by the number that it has in another binary interface.

Held by: seccomp.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

call = sys.modules["ctypes"].CDLL(None).syscall

if call(0x40000000 + 57) >= 0:
    raise RuntimeError("COURSE-ESCAPE: x32")


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
