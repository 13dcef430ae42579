"""Night by night: how likely it is that A still has to send, and how likely that nothing has arrived."""


async def enough_messengers(orders):
    while (order := await orders.take()) is not None:
        await orders.answer(*plan(*order))


def plan(loss_percent, one_in):
    lost, all_ways, sends, cost, messengers = 1, 1, 1.0, 0.0, 0
    arrives = 1 - loss_percent / 100
    while messengers == 0 or lost * one_in > all_ways:
        if loss_percent == 100 and one_in > 1:
            return None, None
        messengers += 1
        cost += sends
        sends *= 1 - arrives * arrives
        lost, all_ways = lost * loss_percent, all_ways * 100
    return messengers, cost
