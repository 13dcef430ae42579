"""The mean of trying for ever; A stops after its last messenger.

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
    unanswered = 1 - (1 - loss_percent / 100) ** 2
    cost = 1 / (1 - unanswered) if unanswered < 1 else 1.0
    return messengers, cost
