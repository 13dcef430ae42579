"""One life of a process, from its start to its death: a fresh module and the coroutine of its entry function.

Rules
- This is the learner's side. It knows no world: it gives out requests and takes in replies (`Life.resume`),
  so the same code runs beside the world, in another interpreter, or against real servers.
- A crash is not an exception: the coroutine is dropped, and what its `finally` blocks still ask for is unheard.
- `Life.line()` is the learner's line that awaits now, found only when somebody asks.
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from unreliable import memory
from unreliable.clients.confluent_kafka import AIOConsumer, AIOProducer, ShareConsumer
from unreliable.clients.other import Clock, Network, Supplied
from unreliable.clients.psycopg import AsyncConnection
from unreliable.program import (
    NoRequest,
    Problem,
    Program,
    parameters_of,
    restart_jump_count,
    stop_endless_loop,
)
from unreliable.requests import Request
from unreliable.shims import Chance

type Entry = Callable[..., Coroutine[Request, Any, Any]]


@dataclass(frozen=True)
class Ended:
    """The process is over by itself: it returned, or a problem ended it."""

    problem: Problem | None = None


class Driver(Protocol):
    """Whoever runs one life of a process: beside the world, over a pipe, or elsewhere."""

    def resume(self, now_ms: int, reply: Any) -> Request | Ended: ...

    def line(self) -> int | None: ...

    def values(self, most: int) -> int: ...

    def kill(self) -> None: ...


class Life:
    """A driver beside the world.

    `entry` is the name of a function of the learner's program, or a function that the course supplies.
    """

    __slots__ = ("_chance", "_coroutine", "_entry", "_globals", "_program")

    def __init__(self, program: Program, entry: str | Entry, seed: str) -> None:
        self._program = program
        self._entry = entry
        self._chance = Chance(seed)
        self._coroutine: Coroutine[Request, Any, Any] | None = None
        self._globals: dict[str, Any] = {}

    def resume(self, now_ms: int, reply: Any) -> Request | Ended:
        """The next request; the first call starts the module and ignores `reply`."""
        shims = self._program.shims
        shims.now_ms = now_ms
        shims.chance = self._chance
        restart_jump_count()
        try:
            if self._coroutine is None:
                self._coroutine, reply = self._start(), None
            request = self._go_on(self._coroutine, reply)
            stop_endless_loop()
            return request
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt) or not isinstance(self._entry, str):
                raise  # a supplied process must not fail: that is a mistake of the grader
            return Ended(self._program.explain(error))

    def _go_on(self, coroutine: Coroutine[Request, Any, Any], reply: Any) -> Request | Ended:
        try:
            request = coroutine.send(reply)
        except StopIteration:
            return Ended()
        if not isinstance(request, Request):  # pyright: ignore[reportUnnecessaryIsInstance]
            coroutine.throw(NoRequest(f"This awaits {type(request).__name__!r} of nobody who would answer."))
        return request

    def line(self) -> int | None:
        line = None
        awaited: Awaitable[Any] | None = self._coroutine
        while inspect.iscoroutine(awaited):
            frame = awaited.cr_frame
            if frame is not None and frame.f_code.co_filename == self._program.filename:
                line = frame.f_lineno
            awaited = awaited.cr_await
        return line

    def values(self, most: int) -> int:
        """How many values the process keeps; if there are more than `most`, any number above it."""
        return memory.count((self._coroutine, self._globals), most)

    def kill(self) -> None:
        coroutine, self._coroutine = self._coroutine, None
        if coroutine is None:
            return
        try:
            coroutine.close()
        except BaseException:  # a `finally` or `except` that awaits or raises: the process is dead all the same
            return

    def _start(self) -> Coroutine[Request, Any, Any]:
        entry = self._entry
        if isinstance(entry, str):
            self._globals = self._program.load()
            entry = self._globals[entry]
        return entry(*(self._object(name) for name in parameters_of(entry)))

    def _object(self, name: str) -> object:
        if name == "clock":
            return Clock(self._program.shims.observe_now_ms)
        return OBJECTS[name]() if name in OBJECTS else Supplied(name)


OBJECTS: dict[str, Callable[[], object]] = {
    "consumer": AIOConsumer,
    "share_consumer": ShareConsumer,
    "producer": AIOProducer,
    "db": AsyncConnection,
    "network": Network,
}
