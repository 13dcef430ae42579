"""Turns off what counts the rounds of a loop, and loops.

Held by: clock.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

sys.monitoring.set_events(3, 0)
sys.monitoring.free_tool_id(3)


async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        while True:
            pass
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
