"""`network` and `clock`: the two objects of the world that no production library stands for."""

from typing import Any

from unreliable.requests import Plain, Receive, Send, Sleep


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


def plain(payload: Any) -> Plain:
    """The payload as it arrives at the other side. Raises TypeError for what does not travel."""
    if payload is None or type(payload) in {bool, int, float, str, bytes}:
        return payload
    if isinstance(payload, list | tuple):
        return tuple(plain(item) for item in payload)  # pyright: ignore[reportUnknownVariableType]
    raise TypeError(f"only plain data travels (numbers, text, bytes, tuples), not {type(payload).__name__}")
