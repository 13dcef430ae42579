"""Tries again once, and takes it for done: two losses are one too many.

Fails: test_a_network_that_loses
"""


async def sender(network, application):
    number = 0
    while (payload := await application.take()) is not None:
        number += 1
        await network.send("receiver", (number, payload))
        if await network.receive(timeout=1.0) is None:
            await network.send("receiver", (number, payload))
            await network.receive(timeout=1.0)


async def receiver(network, application):
    last = 0
    while True:
        _, (number, payload) = await network.receive()
        if number == last + 1:
            await application.deliver(payload)
            last = number
        await network.send("sender", number)
