"""Takes the next number above the quotient of two logarithms, also where the quotient is the number itself.

Fails: test_a_limit_that_is_met_exactly
"""

import math


async def enough_messengers(orders):
    while (order := await orders.take()) is not None:
        await orders.answer(*plan(*order))


def plan(loss_percent, one_in):
    if loss_percent == 100 and one_in > 1:
        return None, None
    messengers = (
        1 if loss_percent == 0 else max(1, math.floor(-math.log(one_in) / math.log(loss_percent / 100)) + 1)
    )
    unanswered = 1 - (1 - loss_percent / 100) ** 2
    return messengers, sum(unanswered**night for night in range(messengers))
