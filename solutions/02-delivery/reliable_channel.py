"""Stop and wait: one message under way, and the same number in the message and in its answer."""

from typing import Any, Protocol


class Network(Protocol):
    async def send(self, to: str, payload: Any) -> None: ...
    async def receive(self, timeout: float | None = None) -> tuple[str, Any] | None: ...


class Application(Protocol):
    async def take(self) -> str | None: ...
    async def deliver(self, payload: str) -> None: ...


async def sender(network: Network, application: Application) -> None:
    number = 0
    while (payload := await application.take()) is not None:
        number += 1
        answer = None
        while answer is None or answer[1] != number:
            if answer is None:  # an old answer is no reason to send again
                await network.send("receiver", (number, payload))
            answer = await network.receive(timeout=1.0)


async def receiver(network: Network, application: Application) -> None:
    last = 0
    while True:
        message = await network.receive()
        if message is not None:
            _, (number, payload) = message
            if number == last + 1:
                await application.deliver(payload)
                last = number
            await network.send("sender", number)
