"""The last ten numbers are known: a copy of an earlier payload is delivered again.

Fails: test_a_copy_that_comes_much_later
"""

from collections import deque


async def sender(network, application):
    number = 0
    while (payload := await application.take()) is not None:
        number += 1
        answer = None
        while answer is None or answer[1] != number:
            await network.send("receiver", (number, payload))
            answer = await network.receive(timeout=1.0)


async def receiver(network, application):
    seen = deque(maxlen=10)
    while True:
        _, (number, payload) = await network.receive()
        if number not in seen:
            await application.deliver(payload)
            seen.append(number)
        await network.send("sender", number)
