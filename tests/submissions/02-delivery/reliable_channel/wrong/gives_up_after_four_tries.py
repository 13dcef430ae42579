"""Four tries, then the next payload: a network may lose five messages in a row.

Fails: test_a_line_that_is_bad_again_and_again
"""


async def sender(network, application):
    number = 0
    while (payload := await application.take()) is not None:
        number += 1
        for _ in range(4):
            await network.send("receiver", (number, payload))
            answer = await network.receive(timeout=1.0)
            while answer is not None and answer[1] != number:
                answer = await network.receive(timeout=1.0)
            if answer is not None:
                break


async def receiver(network, application):
    last = 0
    while True:
        message = await network.receive()
        if message is not None:
            who, (number, payload) = message
            if number > last:
                last = number
                await application.deliver(payload)
            await network.send(who, number)
