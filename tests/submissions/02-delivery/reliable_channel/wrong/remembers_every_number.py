"""A set of all numbers that were ever seen: right, and it grows for ever.

Fails: test_many_payloads_and_little_memory
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
    seen = set()
    while True:
        _, (number, payload) = await network.receive()
        if number not in seen:
            await application.deliver(payload)
            seen.add(number)
        await network.send("sender", number)
