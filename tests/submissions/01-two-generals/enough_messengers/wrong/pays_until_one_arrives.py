"""Stops when a messenger arrives; A does not see that, it sees an answer.

Fails: test_the_expected_cost
"""


async def enough_messengers(orders):
    while (order := await orders.take()) is not None:
        await orders.answer(*plan(*order))


def plan(loss_percent, one_in):
    if loss_percent == 100 and one_in > 1:
        return None, None
    messengers = 1
    while loss_percent**messengers * one_in > 100**messengers:
        messengers += 1
    unanswered = loss_percent / 100
    cost = sum(unanswered**night for night in range(messengers))
    return messengers, cost
