"""A dictionary of answers is gone with the process; the gateway's memory ends at midnight.

Fails: test_a_crash_at_every_await
"""

import json


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
    known = {}
    while True:
        customer, (key, body) = await network.receive()
        first, result = known.setdefault(key, (body, None))
        if first != body:
            result = (422, "this key was used for another request")
        elif result is None:
            result = await charge(key, body, db, gateway)
            if result[0] < 500:
                known[key] = (body, result)
        await network.send(customer, result)


async def charge(key, body, db, gateway):
    status, answer = await gateway.charge(key, json.loads(body)["amount"])
    if status == 200:
        await credit(body, db)
    return status, answer


async def credit(body, db):
    payment = json.loads(body)
    await db.execute(
        "UPDATE wallets SET credit = credit + %s WHERE owner = %s", (payment["amount"], payment["owner"])
    )
