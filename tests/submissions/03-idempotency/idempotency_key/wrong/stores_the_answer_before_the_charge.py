"""The answer is kept before there is one: after a crash the customer is told of a charge that was never made.

Fails: test_a_gateway_that_fails_for_a_moment
"""

import json

ANSWER = "UPDATE requests SET status = 200, answer = 'ch_1' WHERE key = %s AND status IS NULL"


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
    await complete(db, gateway)
    while True:
        customer, (key, body) = await network.receive()
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
    claimed = await db.execute(ANSWER, (key,))
    stored = await db.execute("SELECT body, status, answer FROM requests WHERE key = %s", (key,))
    body, status, answer = await stored.fetchone()
    if claimed.rowcount == 1:
        status, answer = await gateway.charge(key, json.loads(body)["amount"])
        if status == 200:
            await credit(body, db)
    return status, answer


async def credit(body, db):
    payment = json.loads(body)
    await db.execute(
        "UPDATE wallets SET credit = credit + %s WHERE owner = %s", (payment["amount"], payment["owner"])
    )
