"""A logarithm for the first guess, whole numbers for the last step."""

import math
from itertools import count


async def enough_messengers(orders):
    while (order := await orders.take()) is not None:
        await orders.answer(*plan(*order))


def plan(loss_percent, one_in):
    if loss_percent in (0, 100) or one_in == 1:
        return (None, None) if loss_percent == 100 and one_in > 1 else (1, 1)
    guess = max(1, math.floor(-math.log(one_in) / math.log(loss_percent / 100)) - 1)
    messengers = next(n for n in count(guess) if loss_percent**n * one_in <= 100**n)
    answered = (1 - loss_percent / 100) ** 2
    return messengers, (1 - (1 - answered) ** messengers) / answered
