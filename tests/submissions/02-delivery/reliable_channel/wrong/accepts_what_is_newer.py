"""Accepts any higher number, and never asks whether the one before has arrived.

Fails: test_a_network_that_loses
"""


async def sender(network, application):
    number = 0
    while (payload := await application.take()) is not None:
        number += 1
        await network.send("receiver", (number, payload))


async def receiver(network, application):
    last = 0
    while True:
        _, (number, payload) = await network.receive()
        if number > last:
            await application.deliver(payload)
            last = number
        await network.send("sender", number)
