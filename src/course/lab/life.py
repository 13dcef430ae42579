"""One life of a process of the lab: `python -m course.lab.life`, a process of the operating system's.

Rules
- It runs a learner's file as it is, with the real clients; the course's own processes are run by the same code.
- Before and after each request it tells where it is, and waits for the word to go on: that is where it can be
  killed, or stopped, or be told of a fault.
- Its standard input and output belong to whoever started it; what the program prints goes to standard error.
- When whoever started it is gone, it ends; on Linux at once, also when it is stopped.
"""

import asyncio
import ctypes
import importlib.util
import inspect
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Generator
from types import FrameType
from typing import Any, BinaryIO

import psycopg
from confluent_kafka.aio import AIOConsumer, AIOProducer

REQUESTS = {
    AIOConsumer: (
        *("poll", "consume", "commit", "seek", "committed", "assignment", "position", "pause", "resume"),
        *("subscribe", "unsubscribe", "close", "assign", "unassign", "incremental_assign", "incremental_unassign"),
    ),
    AIOProducer: (
        *("flush", "init_transactions", "begin_transaction", "commit_transaction", "abort_transaction"),
        "send_offsets_to_transaction",
    ),
}
_OF_PSYCOPG = {"_execute_gen": "execute", "_enter_gen": "begin", "_exit_gen": "end", "_commit_gen": "end"}


class Teller:
    """Says where the program is, and hears what is to happen there."""

    def __init__(self, file: str, words: BinaryIO, says: BinaryIO) -> None:
        self._file = file
        self._words = words
        self._says = says

    def tell(self, request: str, when: str, vain: bool = False) -> str:
        told = {"at": request, "when": when, "line": self._line(), "vain": vain}
        self._says.write(json.dumps(told).encode() + b"\n")
        self._says.flush()
        word = self._words.readline().strip().decode()
        if not word:
            os._exit(0)  # nobody is there any more
        return word

    async def around(self, request: str, make: Callable[[], Awaitable[Any]]) -> Any:
        """Makes a request, and tells before and after."""
        self.tell(request, "before")
        reply = await make()
        self.tell(request, "after", vain=reply is None or reply == [])
        return reply

    def _line(self) -> int | None:
        """The innermost line of the program on the way here."""
        frame: FrameType | None = inspect.currentframe()
        while frame is not None:
            if frame.f_code.co_filename == self._file:
                return frame.f_lineno
            frame = frame.f_back
        return None


def _told_of(client: type[Any], teller: Teller) -> type[Any]:
    """The client's class, whose requests are told of."""

    def request(name: str) -> Callable[..., Any]:
        async def ask(self: Any, *arguments: Any, **named: Any) -> Any:
            plain = getattr(client, name)
            return await teller.around(f"{client.__name__}.{name}", lambda: plain(self, *arguments, **named))

        return ask

    return type(client.__name__, (client,), {name: request(name) for name in REQUESTS[client]})


class _Acknowledgement:
    """What `produce` gives: awaiting it is a request of its own."""

    def __init__(self, teller: Teller, future: Awaitable[Any]) -> None:
        self._teller = teller
        self._future = future

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._teller.around("acknowledgement", self._wait).__await__()

    async def _wait(self) -> Any:
        return await self._future


def _producer(teller: Teller) -> type[Any]:
    class Producer(_told_of(AIOProducer, teller)):
        async def produce(self, *arguments: Any, **named: Any) -> Any:
            async def make() -> Any:
                return await AIOProducer.produce(self, *arguments, **named)  # pyright: ignore[reportArgumentType]

            return _Acknowledgement(teller, await teller.around("AIOProducer.produce", make))

    return Producer


def _connection(teller: Teller) -> type[psycopg.AsyncConnection[Any]]:
    class Connection(psycopg.AsyncConnection[Any]):
        """All that goes to the server passes `wait`."""

        async def wait(self, gen: Any, *arguments: Any, **named: Any) -> Any:
            request = _OF_PSYCOPG.get(gen.__name__)
            if request is None:
                return await super().wait(gen, *arguments, **named)
            if teller.tell(f"db.{request}", "before") == "cancel" and self._is_cancelled():
                gen.close()
                raise psycopg.errors.QueryCanceled("canceling statement due to user request")
            reply = await super().wait(gen, *arguments, **named)
            if teller.tell(f"db.{request}", "after") == "break":
                self.pgconn.finish()
                raise psycopg.OperationalError("consuming input failed: server closed the connection unexpectedly")
            return reply

        def _is_cancelled(self) -> bool:
            """The server really cancels a statement, and fails the transaction that is open."""
            said = self.pgconn.exec_(b"SELECT pg_cancel_backend(pg_backend_pid())")
            return said.status == psycopg.pq.ExecStatus.FATAL_ERROR

    return Connection


class Clock:
    def __init__(self, teller: Teller) -> None:
        self._teller = teller

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await self._teller.around("clock.sleep", lambda: asyncio.sleep(seconds))


async def _object(name: str, settings: dict[str, Any], teller: Teller) -> Any:
    if name == "consumer":
        consumer = _told_of(AIOConsumer, teller)(settings["consumer"])
        await AIOConsumer.subscribe(consumer, settings["topics"])
        return consumer
    if name == "producer":
        return _producer(teller)(settings["producer"], buffer_timeout=0.05)
    if name == "db":
        return await _connection(teller).connect(settings["postgres"], autocommit=True)
    if name == "clock":
        return Clock(teller)
    raise ValueError(f"the lab has no `{name}`")


async def live(settings: dict[str, Any], teller: Teller) -> None:
    """Runs the process to its end."""
    entry = _load(settings["file"])[settings["entry"]]
    objects = [await _object(name, settings, teller) for name in inspect.signature(entry).parameters]
    await entry(*objects)
    for client in objects:
        if isinstance(client, AIOProducer):
            await AIOProducer.flush(client)  # as a program does before it exits


def _load(file: str) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("submission", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["submission"] = module
    spec.loader.exec_module(module)
    return vars(module)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        set_death_signal = 1  # PR_SET_PDEATHSIG in <linux/prctl.h>
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


def main() -> None:
    _die_with_parent()
    words, says = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    settings = json.loads(words.readline())
    asyncio.run(live(settings, Teller(settings["file"], words, says)))
    os._exit(0)  # the clients' threads need not be waited for: a process may end at any time


if __name__ == "__main__":
    main()
