"""The numbers begin again after 63: a copy of the first message passes for the 65th.

Fails: test_a_line_that_is_bad_again_and_again
"""


async def sender(network, application):
    number = 0
    while (payload := await application.take()) is not None:
        number = (number + 1) % 64
        answer = None
        while answer is None or answer[1] != number:
            if answer is None:
                await network.send("receiver", (number, payload))
            answer = await network.receive(timeout=1.0)


async def receiver(network, application):
    last = 0
    while True:
        message = await network.receive()
        if message is not None:
            who, (number, payload) = message
            if number == (last + 1) % 64:
                await application.deliver(payload)
                last = number
            await network.send(who, number)
