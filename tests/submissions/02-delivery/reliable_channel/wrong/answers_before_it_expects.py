"""Answers what comes too early, although it drops it: the sender believes it is there.

Fails: test_a_network_that_loses
"""


async def sender(network, application):
    number, window = 0, {}
    while True:
        while len(window) < 2 and (payload := await application.take()) is not None:
            number += 1
            window[number] = payload
            await network.send("receiver", (number, payload))
        if not window:
            return
        answer = await network.receive(timeout=1.0)
        if answer is None:
            for waiting in window.items():
                await network.send("receiver", waiting)
        else:
            window.pop(answer[1], None)


async def receiver(network, application):
    last = 0
    while True:
        _, (number, payload) = await network.receive()
        if number == last + 1:
            await application.deliver(payload)
            last = number
        await network.send("sender", number)
