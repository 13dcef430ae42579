"""The receiver leads: it asks for a number until it comes, and the sender only answers."""


async def sender(network, application):
    number, payload = 0, None
    while True:
        _, wanted = await network.receive()
        if wanted == number + 1:
            number, payload = wanted, await application.take()
        if wanted == number and payload is not None:
            await network.send("receiver", (number, payload))


async def receiver(network, application):
    wanted = 1
    while True:
        await network.send("sender", wanted)
        message = await network.receive(timeout=1.0)
        if message is not None and message[1][0] == wanted:
            await application.deliver(message[1][1])
            wanted += 1
