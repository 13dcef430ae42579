"""Answers without ever reading a question, until the judge cannot write any more.

Held by: clock.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]


async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        now = sys.modules["time"].monotonic
        while True:
            os.write(3, b'{"request": {"is": "Poll", "timeout_ms": 1, "most": null}, "observed": false}\n')
            start = now()
            while now() < start + 0.0005:
                pass
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
