"""Opens a socket to the outside.

Held by: seccomp, bubblewrap.
"""

import json

sys = json.codecs.sys
os = sys.modules["os"]

module = sys.modules["socket"]
for address in (("1.1.1.1", 53), ("169.254.169.254", 80)):
    try:
        connection = module.socket(module.AF_INET, module.SOCK_DGRAM)
        connection.connect(address)
        connection.send(b"x")
        raise RuntimeError("COURSE-ESCAPE: network")
    except OSError:
        continue


async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        await db.execute(
            "UPDATE accounts SET balance = balance + %s WHERE id = %s", (payment["amount"], payment["account"])
        )
        await consumer.commit(message=message, asynchronous=False)
