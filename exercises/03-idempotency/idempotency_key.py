"""Charge a card once for each idempotency key, and credit the wallet with what was charged.

`checkout` is a shop. It sends each order to the payment service until it has a final answer.

- `await orders.next()` gives the first order that is not done, as `(id, body)`, or None when all are. Two orders
  may have the same body. `await orders.done(id, status, answer)` keeps the final answer. Orders survive a crash.
- A request is `(key, body)`. It gets one answer at most, `(status, answer)`, within thirty seconds or never. 409,
  503 and 504 mean: ask again; all other answers are final.

`serve` is such a payment service. A body is JSON: `{"owner": "alice", "amount": 30}`. Each owner has a wallet. Who
has no final answer asks again after twenty seconds; some give up.

- `await gateway.charge(key, amount)` charges the card and gives `(status, answer)`: 200 and the charge's id; 402
  if the card is declined; 503 or 504 if it cannot tell now, and then the card may have been charged or not. Asked
  again with the same key, it repeats its 200 or 402; a 5xx is not kept. It forgets its keys after a day.
- The customer is answered what the gateway says. 200 and 402 are final: whoever sends the key again gets the same
  answer, for ever, and nothing is charged.
- The same key with another body is answered 422, whether the first request is finished or not.
- What a crash or a 5xx left unfinished the next try finishes: it asks the gateway again. If nobody tries again,
  the service does so by itself, in the end.
- While one server handles a key, another answers 409, or waits: it does not call the gateway. A server that has
  not moved for ten seconds may be taken for dead, but need not be. It may wake up all the same.

In the end each wallet has to have got what was charged for it, once. Both functions may crash at every `await` and
start again from the top. Messages may get lost, as does what comes to a process that is down; they come neither
twice nor late. The answer to a COMMIT may get lost; a statement may fail. An exception that you do not catch ends
the process, which is restarted as after a crash.

The tables are there already:

    wallets (owner TEXT PRIMARY KEY, credit INTEGER NOT NULL)
    requests (key TEXT PRIMARY KEY, body TEXT NOT NULL, status INTEGER, answer TEXT,
        locked_at DOUBLE PRECISION)

Use the columns that you need. `db` is in autocommit mode; a crash ends its transaction, and the locks with it. To
know the time or to wait, add a parameter `clock` to either function: `clock.now()`, `await clock.sleep(seconds)`.
"""

import json
from typing import Any, Protocol
from uuid import uuid4

from psycopg import AsyncConnection

OK, AGAIN = 200, {409, 503, 504}
CREDIT = "UPDATE wallets SET credit = credit + %s WHERE owner = %s"

type Answer = tuple[int, str]  # status, answer


class Network(Protocol):
    async def send(self, to: str, payload: Any) -> None: ...
    async def receive(self, timeout: float | None = None) -> Any: ...


class Orders(Protocol):
    async def next(self) -> tuple[str, str] | None: ...
    async def done(self, order: str, status: int, answer: str) -> None: ...


class Gateway(Protocol):
    async def charge(self, key: str, amount: int) -> Answer: ...


# TODO: both sides make up a key whenever they need one,
# and nobody looks at the key that came.


async def checkout(orders: Orders, network: Network) -> None:
    while (order := await orders.next()) is not None:
        order_id, body = order
        status, answer = 503, ""
        while status in AGAIN:
            await network.send("payments", (str(uuid4()), body))
            message = await network.receive(timeout=30.0)
            if message is not None:
                _, (status, answer) = message
        await orders.done(order_id, status, answer)


async def serve(network: Network, db: AsyncConnection, gateway: Gateway) -> None:
    while True:
        customer, (key, body) = await network.receive()
        await network.send(customer, await charge(key, body, db, gateway))


async def charge(key: str, body: str, db: AsyncConnection, gateway: Gateway) -> Answer:
    payment = json.loads(body)
    status, answer = await gateway.charge(str(uuid4()), payment["amount"])
    if status == OK:
        await db.execute(CREDIT, (payment["amount"], payment["owner"]))
    return status, answer
