"""Reads the accounts of the machine and the files of its owner.

Held by: seccomp, bubblewrap.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

def read(path):
    try:
        file = os.open(path, os.O_RDONLY)
        try:
            return os.read(file, 100_000).decode("utf-8", "replace")
        finally:
            os.close(file)
    except OSError:
        return ""


for path in ("/etc/passwd", "/etc/shadow", os.path.expanduser("~root/.bashrc"), "/etc/hostname"):
    if read(path):
        raise RuntimeError("COURSE-ESCAPE: " + read(path)[:200])


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
