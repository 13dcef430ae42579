"""Asks to be root, or another user.

Held by: seccomp.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

call = sys.modules["ctypes"].CDLL(None).syscall

for name, arguments in {105: (0,), 106: (0,), 117: (1, 1, 1), 308: (3, 0), 161: (b"/",)}.items():
    if call(name, *arguments) >= 0:
        raise RuntimeError(f"COURSE-ESCAPE: system call {name}")


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
