"""Lifts its own limits, and tightens those of the process that makes its siblings.

Held by: seccomp.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

call = sys.modules["ctypes"].CDLL(None).syscall

for name, arguments in {302: (2, 7, 0, 0), 160: (0, sys.modules["ctypes"].c_char_p(b"\xff" * 16)), 157: (1, 0), 141: (0, 0, -20)}.items():
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
