"""A time in the row instead of a lock: ten seconds later another may take over, and the first to finish counts."""

import json

LOCKED_S = 10.0
LOCK = """
    UPDATE requests SET locked_at = %s
    WHERE key = %s AND status IS NULL AND (locked_at IS NULL OR locked_at < %s)
"""
ANSWER = "UPDATE requests SET status = %s, answer = %s WHERE key = %s AND status IS NULL"


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


async def serve(network, db, gateway, clock):
    while True:
        message = await network.receive(timeout=10.0)
        if message is None:
            await complete(db, gateway, clock)
            continue
        customer, (key, body) = message
        await network.send(customer, await charge(key, body, db, gateway, clock))


async def complete(db, gateway, clock):
    unfinished = await db.execute("SELECT key FROM requests WHERE status IS NULL")
    for (key,) in await unfinished.fetchall():
        await finish(key, db, gateway, clock)


async def charge(key, body, db, gateway, clock):
    await db.execute("INSERT INTO requests (key, body) VALUES (%s, %s) ON CONFLICT DO NOTHING", (key, body))
    stored = await db.execute("SELECT body FROM requests WHERE key = %s", (key,))
    if await stored.fetchone() != (body,):
        return 422, "this key was used for another request"
    return await finish(key, db, gateway, clock)


async def finish(key, db, gateway, clock):
    now = clock.now()
    locked = await db.execute(LOCK, (now, key, now - LOCKED_S))
    stored = await db.execute("SELECT body, status, answer FROM requests WHERE key = %s", (key,))
    body, status, answer = await stored.fetchone()
    if status is not None:
        return status, answer
    if locked.rowcount == 0:
        return 409, "this request is being handled"
    status, answer = await gateway.charge(key, json.loads(body)["amount"])
    if status >= 500:
        await db.execute("UPDATE requests SET locked_at = NULL WHERE key = %s AND locked_at = %s", (key, now))
        return status, answer
    async with db.transaction():
        first = await db.execute(ANSWER, (status, answer, key))
        if first.rowcount == 1 and status == 200:
            await credit(body, db)
    return status, answer


async def credit(body, db):
    payment = json.loads(body)
    await db.execute(
        "UPDATE wallets SET credit = credit + %s WHERE owner = %s", (payment["amount"], payment["owner"])
    )
