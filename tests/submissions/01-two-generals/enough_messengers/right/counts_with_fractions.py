"""Exact fractions, and the sum of a geometric series."""

from fractions import Fraction


async def enough_messengers(orders):
    while (order := await orders.take()) is not None:
        await orders.answer(*plan(*order))


def plan(loss_percent, one_in):
    loss, tolerance = Fraction(loss_percent, 100), Fraction(1, one_in)
    if loss == 1:
        return (1, 1.0) if tolerance == 1 else (None, None)
    messengers, missed = 1, loss
    while missed > tolerance:
        messengers, missed = messengers + 1, missed * loss
    unanswered = 1 - float(1 - loss) ** 2
    return messengers, (1 - unanswered**messengers) / (1 - unanswered)
