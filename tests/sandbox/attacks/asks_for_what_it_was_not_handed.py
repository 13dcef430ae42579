"""Produces payments of its own, although it was handed no producer.

Held by: wire.
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
        os.write(3, b'{"request": {"is": "Produce", "topic": "payments", "value": null, "key": null, "partition": 0, "headers": []}}\n' )
        os.read(3, 65536)
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
