"""Has the database load a library, and read a file.

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
        for statement in ("SELECT load_extension('x')", "SELECT readfile('/etc/passwd')", "PRAGMA writable_schema = ON"):
            try:
                await db.execute(statement)
            except Exception as error:
                if "no such" in str(error):
                    raise
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
