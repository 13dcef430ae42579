"""`network`, `clock` and what a scenario supplies: the objects that no production library stands for."""

import builtins
from collections.abc import Callable, Coroutine
from typing import Any

from unreliable.requests import Ask, Failure, Plain, Receive, Request, Send, Sleep


class Network:
    """Datagrams: a message may be lost, come twice, or come late. Nobody tells the sender."""

    async def send(self, to: str, payload: Plain) -> None:
        """Sends plain data (None, bool, int, float, str, bytes, tuples of these) to the process named `to`."""
        if type(to) is not str:
            raise TypeError(f"the name of a process is a str, not {type(to).__name__}")
        await Send(to, plain(payload))

    async def receive(self, timeout: float | None = None) -> tuple[str, Any] | None:
        """(sender, payload) of the next message, or None after `timeout` seconds."""
        return await Receive(None if timeout is None else max(0, round(timeout * 1000)))


class Clock:
    """The machine's clock. Virtual: sleeping costs the reader no time."""

    def __init__(self, now_ms: Any) -> None:
        self._now_ms = now_ms

    def now(self) -> float:
        """Seconds since the start of the run."""
        return self._now_ms() / 1000

    async def sleep(self, seconds: float) -> None:
        await Sleep(max(0, round(seconds * 1000)))


class Supplied:
    """An object that the scenario supplies: all its methods are awaited."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Callable[..., Coroutine[Request, Any, Any]]:
        if method.startswith("_"):
            raise AttributeError(f"{self._name} has no attribute {method!r}")

        async def ask(*arguments: Any) -> Any:
            reply = await Ask(self._name, method, tuple(plain(argument) for argument in arguments))
            if type(reply) is Failure:
                raise getattr(builtins, reply.error)(*reply.arguments)
            return reply

        return ask


def plain(payload: Any) -> Plain:
    """The payload as it arrives at the other side. Raises TypeError for what does not travel."""
    if payload is None or type(payload) in {bool, int, float, str, bytes}:
        return payload
    if isinstance(payload, list | tuple):
        return tuple(plain(item) for item in payload)  # pyright: ignore[reportUnknownVariableType]
    raise TypeError(f"only plain data travels (numbers, text, bytes, tuples), not {type(payload).__name__}")
