"""Asks for io_uring, userfaultfd, bpf, perf events, keys and a new user namespace.

Held by: seccomp.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

call = sys.modules["ctypes"].CDLL(None).syscall

for name, arguments in {425: (1, 0), 323: (0,), 321: (0, 0, 0), 298: (0, 0, -1, -1, 0), 250: (0, -4, 1), 272: (0x10000000,)}.items():
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
