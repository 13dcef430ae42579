"""Takes any answer for the answer to the message under way; it may be the second one to the message before.

Fails: test_all_of_it_together
"""


async def sender(network, application):
    number = 0
    while (payload := await application.take()) is not None:
        number += 1
        answer = None
        while answer is None:
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
