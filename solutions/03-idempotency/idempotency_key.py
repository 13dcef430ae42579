"""The key of the request is stored before the charge and passed on; a row lock says who is at it."""

import json
from typing import Any, Protocol

from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable

OK, AGAIN = 200, {409, 503, 504}
FINAL = {OK, 402}
CREDIT = "UPDATE wallets SET credit = credit + %s WHERE owner = %s"
CLAIM = "INSERT INTO requests (key, body) VALUES (%s, %s) ON CONFLICT DO NOTHING"
LOCK = "SELECT body, status, answer FROM requests WHERE key = %s FOR UPDATE NOWAIT"
KEEP = "UPDATE requests SET status = %s, answer = %s WHERE key = %s"

type Answer = tuple[int, str]  # status, answer


class Network(Protocol):
    async def send(self, to: str, payload: Any) -> None: ...
    async def receive(self, timeout: float | None = None) -> Any: ...


class Orders(Protocol):
    async def next(self) -> tuple[str, str] | None: ...
    async def done(self, order: str, status: int, answer: str) -> None: ...


class Gateway(Protocol):
    async def charge(self, key: str, amount: int) -> Answer: ...


async def checkout(orders: Orders, network: Network) -> None:
    while (order := await orders.next()) is not None:
        order_id, body = order
        status, answer = 503, ""
        while status in AGAIN:
            await network.send("payments", (order_id, body))
            message = await network.receive(timeout=30.0)
            if message is not None:
                _, (status, answer) = message
        await orders.done(order_id, status, answer)


async def serve(network: Network, db: AsyncConnection, gateway: Gateway) -> None:
    while True:
        request = await network.receive(timeout=60.0)
        if request is None:
            await complete(db, gateway)
            continue
        customer, (key, body) = request
        await network.send(customer, await charge(key, body, db, gateway))


async def complete(db: AsyncConnection, gateway: Gateway) -> None:
    unfinished = await db.execute("SELECT key FROM requests WHERE status IS NULL")
    for (key,) in await unfinished.fetchall():
        await finish(key, db, gateway)


async def charge(key: str, body: str, db: AsyncConnection, gateway: Gateway) -> Answer:
    await db.execute(CLAIM, (key, body))
    stored = await db.execute("SELECT body FROM requests WHERE key = %s", (key,))
    if await stored.fetchone() != (body,):
        return 422, "this key was used for another request"
    return await finish(key, db, gateway)


async def finish(key: str, db: AsyncConnection, gateway: Gateway) -> Answer:
    try:
        async with db.transaction():
            locked = await db.execute(LOCK, (key,))
            body, status, answer = await locked.fetchone()
            if status is None:
                payment = json.loads(body)
                status, answer = await gateway.charge(key, payment["amount"])
                if status in FINAL:
                    await db.execute(KEEP, (status, answer, key))
                if status == OK:
                    await db.execute(CREDIT, (payment["amount"], payment["owner"]))
            return status, answer
    except LockNotAvailable:
        return 409, "this request is being handled"
