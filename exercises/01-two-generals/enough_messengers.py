"""How many messengers are enough, and what do they cost?

No number of messengers makes it certain that one arrives. But a number makes it as likely as you please.

General A sends one messenger a night with the same order. Each messenger gets lost with a probability of
`loss_percent` hundredths, whatever became of the others. General B answers each messenger that arrives by one of
its own, and these get lost as often. A stops when an answer reaches it, or when `messengers` have been sent.

- `await orders.take()` gives `(loss_percent, one_in)`, or None when there are no more orders.
- `await orders.answer(messengers, cost)` answers it:
    - `messengers`: the smallest number, at least 1, with which the order fails to reach B with a probability of at
      most one in `one_in`, if all of them are sent.
    - `cost`: how many messengers A sends on average, since it stops at the first answer.
    - If no number of messengers is enough: `await orders.answer(None, None)`.

Both are whole numbers, so the limit can be met exactly, and a number that is one too large is wrong.
"""

from typing import Protocol


class Orders(Protocol):
    async def take(self) -> tuple[int, int] | None: ...
    async def answer(self, messengers: int | None, cost: float | None) -> None: ...


async def enough_messengers(orders: Orders) -> None:
    while await orders.take() is not None:
        # TODO: one messenger, whatever the loss.
        await orders.answer(1, 1.0)
