"""Takes everything from the application before it sends the first.

Fails: test_many_payloads_and_little_memory
"""


async def sender(network, application):
    payloads = []
    while (payload := await application.take()) is not None:
        payloads.append(payload)
    for number, payload in enumerate(payloads, 1):
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
