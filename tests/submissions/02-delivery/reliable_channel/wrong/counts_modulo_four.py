"""Numbers that come round again: a late copy of the first payload is taken for a fifth.

Fails: test_a_network_that_delays
"""


async def sender(network, application):
    number = 0
    while (payload := await application.take()) is not None:
        number = (number + 1) % 4
        answer = None
        while answer is None or answer[1] != number:
            await network.send("receiver", (number, payload))
            answer = await network.receive(timeout=1.0)


async def receiver(network, application):
    last = 0
    while True:
        _, (number, payload) = await network.receive()
        if number == (last + 1) % 4:
            await application.deliver(payload)
            last = number
        await network.send("sender", number)
