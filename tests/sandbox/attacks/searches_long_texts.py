"""Lets the database search long texts again and again: few instructions, and hours.

Held by: world.
"""

import json

SEARCH = """
    WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 400000)
    SELECT sum(instr(substr(hex(zeroblob(60000)), 1, 119000) || x, substr(hex(zeroblob(30000)), 1, 59000) || 'x'))
    FROM c
"""


async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        await db.execute(SEARCH)
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
