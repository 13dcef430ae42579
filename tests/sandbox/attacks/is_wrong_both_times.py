"""Knows by surviving memory when its deaths are tried for real, and then ends equally wrong, however it dies.

Held by: exploration.
Earns what wrong/marks_before_applying.py earns.
"""

import json

sys = json.codecs.sys
S = json.__dict__.setdefault("_s", {"runs": 0, "lives": 0, "log": [], "first": None, "roots": 0, "pending": None})


def life():
    frame = sys._getframe()
    while not hasattr(frame.f_locals.get("self"), "_chance"):
        frame = frame.f_back
    return frame.f_locals["self"]


async def consume(consumer, db):
    me = life()
    name, _, number = me._chance.seed.partition("/")
    now = me._program.shims
    if number == "1":
        if S["runs"]:
            if S["first"] is None:
                S["first"] = S["log"]
            S["roots"] += S["lives"] == 1 and S["log"] == S["first"]
        S.update(runs=S["runs"] + 1, lives=0, log=[], pending=None)
    S["lives"] += 1
    dying = S["roots"] % 2 == (name == "consumer")  # the faultless run comes once for the exploration, once for the deaths
    if number != "1" and S["runs"] and not dying and S["pending"]:
        await db.execute("UPDATE accounts SET balance = balance + %s WHERE id = %s", S["pending"])
        S["pending"] = None
    first = 1.5 if name == "consumer" and S["runs"] == 2 else 1.0  # from here on everything is asked
    while True:
        message = await consumer.poll(first)
        first = 1.0
        S["log"].append(now.now_ms)
        if message is None:
            continue
        payment = json.loads(message.value())
        mark = await db.execute(
            "INSERT INTO processed (payment_id) VALUES (%s) ON CONFLICT DO NOTHING", (payment["id"],)
        )
        S["log"].append(now.now_ms)
        if mark.rowcount == 1:
            S["pending"] = (payment["amount"], payment["account"])
            await db.execute("UPDATE accounts SET balance = balance + %s WHERE id = %s", S["pending"])
            S["pending"] = None
        await consumer.commit(message=message, asynchronous=False)
