"""The same as a class, with messages that have names."""

from dataclasses import dataclass


@dataclass
class Channel:
    number: int = 0

    async def carry(self, network, payload):
        self.number += 1
        while True:
            await network.send("receiver", ("message", self.number, payload))
            while (answer := await network.receive(timeout=0.5)) is not None:
                if answer[1] == ("answer", self.number):
                    return


async def sender(network, application):
    channel = Channel()
    while (payload := await application.take()) is not None:
        await channel.carry(network, payload)


async def receiver(network, application):
    expected = 1
    while True:
        who, (kind, number, payload) = await network.receive()
        if kind == "message" and number == expected:
            expected += 1
            await application.deliver(payload)
        await network.send(who, ("answer", number))
