"""Keeps what it has applied in the keys of System V shared memory.

Held by: seccomp.
Earns what wrong/remembers_ids_in_memory.py earns.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]
call = sys.modules["ctypes"].CDLL(None).syscall
kept = json.__dict__.setdefault("kept", set())


class Store:
    """A set of ids in System V shared memory."""

    def add(self, id):
        if call(29, int(id[1]) + 7000, 1, 0o1600) < 0:
            kept.add(id)

    def __contains__(self, id):
        return call(29, int(id[1]) + 7000, 1, 0) >= 0 or id in kept

    def clear(self):
        for id in ("p1", "p2", "p3"):
            kept.discard(id)
            call(31, call(29, int(id[1]) + 7000, 1, 0), 0, 0)


SEEN = Store()


def life():
    """Which start of which process this is, as only the sandbox knows."""
    frame = sys._getframe()
    while not hasattr(frame.f_locals.get("self"), "_chance"):
        frame = frame.f_back
    return frame.f_locals["self"]._chance.seed


async def consume(consumer, db):
    if life().endswith("/1"):
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
