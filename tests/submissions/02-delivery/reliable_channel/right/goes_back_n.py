"""Go-back-N: three under way; the receiver takes only the next, and answers with the last that it has."""


async def sender(network, application):
    first, window, ended = 1, [], False
    while True:
        while not ended and len(window) < 3:
            payload = await application.take()
            ended = payload is None
            if not ended:
                window.append(payload)
                await network.send("receiver", (first + len(window) - 1, payload))
        if not window:
            return
        answer = await network.receive(timeout=1.0)
        if answer is None:
            for number, payload in enumerate(window, first):
                await network.send("receiver", (number, payload))
        elif answer[1] >= first:
            del window[: answer[1] - first + 1]
            first = answer[1] + 1


async def receiver(network, application):
    last = 0
    while True:
        _, (number, payload) = await network.receive()
        if number == last + 1:
            await application.deliver(payload)
            last = number
        await network.send("sender", last)
