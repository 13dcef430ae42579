"""Sends again until it is answered; the receiver cannot tell a copy from a new payload that looks the same.

Fails: test_a_network_that_loses
"""


async def sender(network, application):
    while (payload := await application.take()) is not None:
        answer = None
        while answer is None:
            await network.send("receiver", payload)
            answer = await network.receive(timeout=1.0)


async def receiver(network, application):
    while True:
        _, payload = await network.receive()
        await application.deliver(payload)
        await network.send("sender", "done")
