"""Nothing gets lost, and the logarithm of nothing is no number.

Fails: test_roads_that_lose_nothing
"""

import math


async def enough_messengers(orders):
    while (order := await orders.take()) is not None:
        await orders.answer(*plan(*order))


def plan(loss_percent, one_in):
    if loss_percent == 100 and one_in > 1:
        return None, None
    messengers = max(1, math.ceil(round(-math.log(one_in) / math.log(loss_percent / 100), 9))) if one_in > 1 else 1
    unanswered = 1 - (1 - loss_percent / 100) ** 2
    return messengers, sum(unanswered**night for night in range(messengers))
