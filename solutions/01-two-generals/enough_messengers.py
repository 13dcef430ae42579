"""All messengers lost: loss to the power of their number. No answer: out and back, two chances to get lost."""

from typing import Protocol


class Orders(Protocol):
    async def take(self) -> tuple[int, int] | None: ...
    async def answer(self, messengers: int | None, cost: float | None) -> None: ...


async def enough_messengers(orders: Orders) -> None:
    while (order := await orders.take()) is not None:
        loss_percent, one_in = order
        if loss_percent / 100 == 1 and one_in > 1:
            await orders.answer(None, None)
            continue
        messengers = 1
        while loss_percent**messengers * one_in > 100**messengers:
            messengers += 1
        unanswered = 1 - (1 - loss_percent / 100) ** 2
        await orders.answer(messengers, sum(unanswered**night for night in range(messengers)))
