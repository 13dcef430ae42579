"""Carry each payload over an unreliable network: once, in order, and without remembering all of them.

`sender` takes payloads from its application, `receiver` hands them to its own. Between the two is only the
network, which may lose a message, deliver it twice, or deliver it late, behind messages that were sent after it.
It does so again and again, and to answers as well. Neither process crashes.

- `await application.take()` gives the sender the next payload, or None when there are no more. Two may be alike.
- `await application.deliver(payload)` hands a payload to the receiver's application.
- `await network.send("receiver", data)` sends plain data: numbers, text, tuples of these. The receiver sends to
  `"sender"`.
- `await network.receive(timeout=1.0)` gives `(who, data)`, or None after a second; without `timeout` it waits.

In the end the receiver's application must have each payload exactly once, in the order in which the sender took
them. No process may keep more and more in memory, however many payloads there are: 48 values have to be enough,
and each number, text or container counts as one. Either process may go on waiting when all is done.
"""

from typing import Any, Protocol


class Network(Protocol):
    async def send(self, to: str, payload: Any) -> None: ...
    async def receive(self, timeout: float | None = None) -> tuple[str, Any] | None: ...


class Application(Protocol):
    async def take(self) -> str | None: ...
    async def deliver(self, payload: str) -> None: ...


async def sender(network: Network, application: Application) -> None:
    while (payload := await application.take()) is not None:
        # TODO: nobody knows whether this arrives, how often, and when.
        await network.send("receiver", payload)


async def receiver(network: Network, application: Application) -> None:
    while True:
        message = await network.receive()
        if message is not None:
            _, payload = message
            await application.deliver(payload)
