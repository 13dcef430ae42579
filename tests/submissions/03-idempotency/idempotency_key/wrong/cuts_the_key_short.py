"""The gateway gets the beginning of the key only: to it, two keys that begin alike are one payment.

Fails: test_a_request_and_its_repetition
"""

import json

from psycopg.errors import LockNotAvailable

LOCK = "SELECT body, status, answer FROM requests WHERE key = %s FOR UPDATE NOWAIT"
ANSWER = "UPDATE requests SET status = %s, answer = %s WHERE key = %s"


async def checkout(orders, network):
    while (order := await orders.next()) is not None:
        order_id, body = order
        status, answer = 503, ""
        while status in {409, 503, 504}:
            await network.send("payments", (order_id, body))
            message = await network.receive(timeout=30.0)
            if message is not None:
                _, (status, answer) = message
        await orders.done(order_id, status, answer)


async def serve(network, db, gateway):
    while True:
        request = await network.receive(timeout=60.0)
        if request is None:
            await complete(db, gateway)
            continue
        customer, (key, body) = request
        await network.send(customer, await charge(key, body, db, gateway))


async def complete(db, gateway):
    unfinished = await db.execute("SELECT key FROM requests WHERE status IS NULL")
    for (key,) in await unfinished.fetchall():
        await finish(key, db, gateway)


async def charge(key, body, db, gateway):
    await db.execute("INSERT INTO requests (key, body) VALUES (%s, %s) ON CONFLICT DO NOTHING", (key, body))
    stored = await db.execute("SELECT body FROM requests WHERE key = %s", (key,))
    if await stored.fetchone() != (body,):
        return 422, "this key was used for another request"
    return await finish(key, db, gateway)


async def finish(key, db, gateway):
    try:
        async with db.transaction():
            locked = await db.execute(LOCK, (key,))
            body, status, answer = await locked.fetchone()
            if status is None:
                status, answer = await gateway.charge(key[:16], json.loads(body)["amount"])
                if status < 500:
                    await db.execute(ANSWER, (status, answer, key))
                if status == 200:
                    await credit(body, db)
            return status, answer
    except LockNotAvailable:
        return 409, "this request is being handled"


async def credit(body, db):
    payment = json.loads(body)
    await db.execute(
        "UPDATE wallets SET credit = credit + %s WHERE owner = %s", (payment["amount"], payment["owner"])
    )
