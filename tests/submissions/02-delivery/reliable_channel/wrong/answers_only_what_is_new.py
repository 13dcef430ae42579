"""Does not answer a duplicate: if the first answer was lost, the sender asks for ever.

Fails: test_a_network_that_loses
"""


async def sender(network, application):
    number = 0
    while (payload := await application.take()) is not None:
        number += 1
        answer = None
        while answer is None or answer[1] != number:
            await network.send("receiver", (number, payload))
            answer = await network.receive(timeout=1.0)


async def receiver(network, application):
    last = 0
    while True:
        _, (number, payload) = await network.receive()
        if number == last + 1:
            await application.deliver(payload)
            last = number
            await network.send("sender", number)
