"""The gateway recognises the key for a day; after that it charges again.

Fails: test_a_request_and_its_repetition
"""

import json

CREDITED = "INSERT INTO requests (key, body) VALUES (%s, %s) ON CONFLICT DO NOTHING"


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
    status, answer = await gateway.charge(key, json.loads(body)["amount"])
    if status == 400:
        return 422, "this key was used for another request"
    if status == 200:
        async with db.transaction():
            first = await db.execute(CREDITED, (answer, body))
            if first.rowcount == 1:
                await credit(body, db)
    return status, answer


async def credit(body, db):
    payment = json.loads(body)
    await db.execute(
        "UPDATE wallets SET credit = credit + %s WHERE owner = %s", (payment["amount"], payment["owner"])
    )
