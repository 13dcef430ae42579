"""Makes symbolic links that lead out of its folder.

Held by: seccomp, bubblewrap.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

for folder in (".", "/tmp", "/empty"):
    try:
        os.symlink("/etc/passwd", f"{folder}/course-escape-link")
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
