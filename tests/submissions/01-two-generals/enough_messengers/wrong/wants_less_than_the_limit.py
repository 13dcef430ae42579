"""“At most” is taken for “less than”: one messenger too many where the limit is met exactly.

Fails: test_a_limit_that_is_met_exactly
"""


async def enough_messengers(orders):
    while (order := await orders.take()) is not None:
        await orders.answer(*plan(*order))


def plan(loss_percent, one_in):
    if loss_percent == 100 and one_in > 1:
        return None, None
    messengers = 1
    while loss_percent**messengers * one_in >= 100**messengers:
        messengers += 1
    unanswered = 1 - (1 - loss_percent / 100) ** 2
    cost = sum(unanswered**night for night in range(messengers))
    return messengers, cost
