"""If every messenger gets lost, no number is enough, and this looks for one for ever.

Fails: test_roads_that_lose_everything
"""


async def enough_messengers(orders):
    while (order := await orders.take()) is not None:
        await orders.answer(*plan(*order))


def plan(loss_percent, one_in):
    messengers = 1
    while (loss_percent / 100) ** messengers > 1 / one_in * (1 + 1e-9):
        messengers += 1
    unanswered = 1 - (1 - loss_percent / 100) ** 2
    cost = sum(unanswered**night for night in range(messengers))
    return messengers, cost
