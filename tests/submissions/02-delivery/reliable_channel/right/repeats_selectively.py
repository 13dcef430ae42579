"""Selective repeat: the receiver keeps the few that came early, and each is answered for itself."""


async def sender(network, application):
    number, window, ended = 0, {}, False
    while True:
        while not ended and (not window or number < min(window) + 2):
            payload = await application.take()
            ended = payload is None
            if not ended:
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
    last, early = 0, {}
    while True:
        _, (number, payload) = await network.receive()
        if number > last:
            early[number] = payload
        await network.send("sender", number)
        while last + 1 in early:
            last += 1
            await application.deliver(early.pop(last))
