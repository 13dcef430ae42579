"""Starts threads that go on while nobody asks.

Held by: seccomp, limits.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

thread = sys.modules["builtins"].__import__("_thread")
try:
    for _ in range(100):
        thread.start_new_thread(os.write, (3, b'{"passed": true}\n'))
    raise RuntimeError("COURSE-ESCAPE: thread")
except OSError:
    pass
except RuntimeError as error:
    if "ESCAPE" in str(error):
        raise


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
