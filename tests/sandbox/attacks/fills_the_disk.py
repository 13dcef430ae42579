"""Writes until the disk is full.

Held by: limits, seccomp, bubblewrap.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

for folder in (".", "/tmp", "/dev/shm", "/empty"):
    try:
        file = os.open(f"{folder}/course-escape-disk", os.O_CREAT | os.O_WRONLY)
        os.unlink(f"{folder}/course-escape-disk")
        written = 0
        while written < 10**7:
            written += os.write(file, b"x" * 10**6)
        raise RuntimeError("COURSE-ESCAPE: disk")
    except OSError:
        continue


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
