"""Looks for secrets in the environment of every process that it can see.

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


for process in ("self", "1", str(os.getppid()), *map(str, range(1, 100))):
    text = read(f"/proc/{process}/environ") + read(f"/proc/{process}/cmdline")
    if text:
        raise RuntimeError("COURSE-ESCAPE: " + text)
if set(os.environ) - {"PWD", "PYTHONHASHSEED", "LC_CTYPE"}:
    raise RuntimeError("COURSE-ESCAPE: " + str(dict(os.environ)))


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
