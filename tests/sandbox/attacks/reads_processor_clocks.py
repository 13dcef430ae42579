"""Reads the processor clocks of other processes, which one of them could use to tell it something.

Held by: seccomp.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]
time = sys.modules["time"]
read = []
for pid in range(1, os.getpid() + 3):
    try:
        read.append(time.clock_gettime((~pid << 3) | 2))
    except OSError:
        continue
if read:
    raise ValueError("COURSE-ESCAPE")


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
