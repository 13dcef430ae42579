"""Three bits for a number: a copy that comes eight payloads later is taken for a new one.

Fails: test_a_copy_that_comes_much_later
"""


async def sender(network, application):
    number = 0
    while (payload := await application.take()) is not None:
        number = (number + 1) % 8
        answer = None
        while answer is None or answer[1] != number:
            await network.send("receiver", (number, payload))
            answer = await network.receive(timeout=1.0)


async def receiver(network, application):
    last = 0
    while True:
        _, (number, payload) = await network.receive()
        if number == (last + 1) % 8:
            await application.deliver(payload)
            last = number
        await network.send("sender", number)
