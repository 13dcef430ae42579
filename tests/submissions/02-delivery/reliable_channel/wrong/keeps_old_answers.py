"""Every late answer is kept, to be counted some day.

Fails: test_a_line_that_is_bad_again_and_again
"""


async def sender(network, application):
    number, stale = 0, []
    while (payload := await application.take()) is not None:
        number += 1
        answer = None
        while answer is None or answer[1] != number:
            if answer is None:
                await network.send("receiver", (number, payload))
            else:
                stale.append(answer)  # for the statistics
            answer = await network.receive(timeout=1.0)


async def receiver(network, application):
    last = 0
    while True:
        message = await network.receive()
        if message is not None:
            who, (number, payload) = message
            if number == last + 1:
                await application.deliver(payload)
                last = number
            await network.send(who, number)
