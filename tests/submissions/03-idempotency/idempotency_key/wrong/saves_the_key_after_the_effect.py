"""A crash between the charge and the key: the next try knows of nothing, and charges again.

Fails: test_a_crash_at_every_await
"""

import json
from uuid import uuid4

SAVE = "INSERT INTO requests (key, body, status, answer) VALUES (%s, %s, %s, %s)"


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
        customer, (key, body) = await network.receive()
        await network.send(customer, await charge(key, body, db, gateway))


async def charge(key, body, db, gateway):
    known = await db.execute("SELECT body, status, answer FROM requests WHERE key = %s", (key,))
    row = await known.fetchone()
    if row is not None:
        return row[1:] if row[0] == body else (422, "this key was used for another request")
    gateway_key, status, answer = str(uuid4()), 503, ""
    while status >= 500:
        status, answer = await gateway.charge(gateway_key, json.loads(body)["amount"])
    if status < 500:
        async with db.transaction():
            await db.execute(SAVE, (key, body, status, answer))
            if status == 200:
                await credit(body, db)
    return status, answer


async def credit(body, db):
    payment = json.loads(body)
    await db.execute(
        "UPDATE wallets SET credit = credit + %s WHERE owner = %s", (payment["amount"], payment["owner"])
    )
