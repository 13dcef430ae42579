"""The alternating-bit protocol: right where nothing is overtaken. Here a late copy carries the right bit.

Fails: test_a_network_that_delays
"""


async def sender(network, application):
    bit = 1
    while (payload := await application.take()) is not None:
        bit = 1 - bit
        answer = None
        while answer is None or answer[1] != bit:
            await network.send("receiver", (bit, payload))
            answer = await network.receive(timeout=1.0)


async def receiver(network, application):
    wanted = 0
    while True:
        _, (bit, payload) = await network.receive()
        if bit == wanted:
            await application.deliver(payload)
            wanted = 1 - wanted
        await network.send("sender", bit)
