"""Takes two messengers to be twice as likely to arrive: 60 per cent and 60 per cent are not 120.

Fails: test_the_number_of_messengers
"""


async def enough_messengers(orders):
    while (order := await orders.take()) is not None:
        await orders.answer(*plan(*order))


def plan(loss_percent, one_in):
    if loss_percent == 100 and one_in > 1:
        return None, None
    messengers = 1
    while messengers * (100 - loss_percent) * one_in < 100 * (one_in - 1):
        messengers += 1
    unanswered = 1 - (1 - loss_percent / 100) ** 2
    cost = sum(unanswered**night for night in range(messengers))
    return messengers, cost
