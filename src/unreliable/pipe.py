"""Driving a learner's process in another interpreter, over a socket.

Rules
- The child holds the program, its modules and its clients; the world, the schedule and the verdict stay here.
- The child is asked and answers, one line each; it can say nothing by itself. What it says is checked: requests of
  the kinds that its process has the objects for, problems, and line numbers; all else ends it.
- The same schedule gives the same trace as with the program beside the world.
- A child that dies, or talks nonsense, or gives no whole answer for `PATIENCE_S`, ends the process with a Problem;
  so does one whose program has had `TOTAL_S` for all its schedules.
- A crash is a fresh module in the same child, which is fast, or (`fresh`) the death of the child, which is real.

Who makes the child decides what it is limited by: an `Interpreter` by nothing but the pipe, one of the course's
sandbox by much more.
"""

import math
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, BinaryIO, Protocol, cast

from unreliable import requests as r
from unreliable.process import Driver, Ended, Life
from unreliable.program import PROBLEMS, Problem, Program
from unreliable.requests import Request
from unreliable.scenario import Process
from unreliable.wire import WireError, decode, encode

PATIENCE_S = 10
TOTAL_S = 120
MOST_ANSWER = 64 * 1024  # bytes of one answer
MOST_TEXT = 1_000  # characters of what a problem says
MOST_LINE = 1_000_000

# What a process may ask for, by the objects that it was handed; a program that lies cannot get at more.
# Any other name is that of a supplied object.
REQUESTS: dict[str, tuple[type[Request], ...]] = {
    "consumer": (r.Poll, r.CommitOffsets, r.Seek, r.Committed, r.Assignment),
    "producer": (r.Produce, r.Delivery, r.Flush),
    "db": (r.Begin, r.Execute, r.Commit, r.Rollback),
    "network": (r.Send, r.Receive),
    "clock": (),
}


class Connection(Protocol):
    """A child, as far as it can be spoken to: a stream socket, and an end."""

    @property
    def stream(self) -> socket.socket: ...

    def close(self) -> Problem | None:
        """Ends the child and all that it started; says why it ended by itself, if it did."""
        ...


class Interpreter:
    """A child that is another Python of this machine, with an empty environment and no other limits."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-c", _BOOT, os.path.dirname(os.path.dirname(__file__))]
        self.stream, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=sys.__stderr__, env={})

    def close(self) -> Problem | None:
        self._process.kill()
        self._process.wait()
        self.stream.close()
        return None


class Child:
    """A child with one program in it. Close it when done; it is a context manager.

    After `deadline`, by time.monotonic(), it is asked nothing any more.
    """

    def __init__(
        self, program: Program, connect: Callable[[], Connection] = Interpreter, deadline: float = math.inf
    ) -> None:
        self.program = program
        self.problem: Problem | None = None  # why it ended by itself
        self._deadline = deadline
        self._connection = connect()
        self._socket = self._connection.stream
        patience = struct.pack("@ll", PATIENCE_S, 0)  # kept by the kernel: cheaper than to wait and then to read
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        self._closed = False
        with suppress(WireError):  # then `problem` says it, and whoever asks hears it
            self.ask({"do": "load", "source": program.source, "filename": program.filename})

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self.problem = self._connection.close() or self.problem

    def drive(self, process: Process, life: int) -> Driver:
        """One life of a process: in the child if the learner wrote it, beside the world if the course did."""
        seed = f"{process.name}/{life}"
        if not isinstance(process.run, str):
            return Life(self.program, process.run, seed)
        return _LifeInChild(self, process, process.run, seed)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The child's answer. Raises WireError, and ends the child, if it gives none that can be understood."""
        try:
            self._send(question)
            answer = decode(self._line())
            if not isinstance(answer, dict):
                raise WireError("it gave an answer that is none")
        except WireError as error:
            self.fail(error)
            raise
        return cast("dict[str, Any]", answer)

    def tell(self, order: dict[str, Any]) -> None:
        """Says what needs no answer."""
        try:
            self._send(order)
        except WireError as error:
            self.fail(error)

    def fail(self, error: WireError) -> None:
        """Ends the child, which does not keep to the rules."""
        message = f"The program's interpreter: {error}."
        self.problem = self.problem or Problem("crashed", None, message, _ADVICE)
        self.close()

    def _send(self, question: dict[str, Any]) -> None:
        if self._closed:
            raise WireError("it has ended already")
        if time.monotonic() > self._deadline:
            raise self._late("The program took too long for all of its schedules together.")
        try:
            self._socket.sendall(encode(question))
        except BlockingIOError:
            raise self._silent() from None
        except OSError:
            raise WireError("it has ended") from None

    def _line(self) -> bytes:
        """One line, and nothing after it. Who gives it byte by byte may take as long as who is silent."""
        deadline = time.monotonic() + PATIENCE_S
        said, heard = bytearray(), b""
        while b"\n" not in heard:
            try:
                heard = self._socket.recv(65536)
            except BlockingIOError:
                raise self._silent() from None
            except OSError:
                heard = b""
            if not heard:
                raise WireError("it has ended")
            if time.monotonic() > deadline:
                raise self._silent()
            said += heard
            if len(said) > MOST_ANSWER:
                raise WireError("it sent a message that is too long")
        if said.index(b"\n") != len(said) - 1:
            raise WireError("it said what it was not asked")
        return bytes(said)

    def _silent(self) -> WireError:
        return self._late(f"The program said nothing for {PATIENCE_S} s.")

    def _late(self, message: str) -> WireError:
        self.problem = Problem("endless", None, message, _ADVICE)
        return WireError(message)


_ADVICE = "It has to await something before its time and its memory are used up."


class _LifeInChild:
    """A driver whose process lives in a child. `alone`: the child dies with it."""

    def __init__(self, child: Child, process: Process, entry: str, seed: str, alone: bool = False) -> None:
        self._child = child
        self._kinds = allowed(process)
        self._seed = seed
        self._alone = alone
        self._start: dict[str, Any] = {"entry": entry}

    def resume(self, now_ms: int, reply: Any) -> Request | Ended:
        question = {"do": "resume", "seed": self._seed, "now_ms": now_ms, "reply": reply, **self._start}
        self._start = {}
        try:
            answer = self._child.ask(question)
        except WireError:
            return Ended(self._child.problem)
        self._child.program.shims.observed |= answer.get("observed") is True
        said = answer.get("request")
        if isinstance(said, Request) and type(said) in self._kinds:
            return said
        if said is not None:
            self._child.fail(WireError("it asked for what it was not handed"))
            return Ended(self._child.problem)
        return Ended(_problem(answer))

    def line(self) -> int | None:
        try:
            line = self._child.ask({"do": "line", "seed": self._seed}).get("line")
        except WireError:
            return None
        return _line_number(line)

    def values(self, most: int) -> int:
        try:
            found = self._child.ask({"do": "values", "seed": self._seed, "most": most}).get("values")
        except WireError:
            return 0
        return found if type(found) is int else most + 1

    def kill(self) -> None:
        if self._alone:
            self._child.close()
        else:
            self._child.tell({"do": "kill", "seed": self._seed})


def allowed(process: Process) -> frozenset[type[Request]]:
    """The kinds of requests that a process can make with the objects that it is handed; all may sleep."""
    return frozenset((r.Sleep, *(kind for name in process.objects for kind in REQUESTS.get(name, (r.Ask,)))))


def _problem(answer: dict[str, Any]) -> Problem | None:
    """The problem in an answer, no longer than a problem may be."""
    found = answer.get("problem")
    if not isinstance(found, Problem):
        return None
    return replace(
        found,
        kind=found.kind if found.kind in PROBLEMS else "crashed",
        line=_line_number(found.line),
        message=found.message[:MOST_TEXT],
        advice=found.advice[:MOST_TEXT],
    )


def _line_number(line: Any) -> int | None:
    return line if type(line) is int and 0 < line < MOST_LINE else None


def fresh(program: Program, connect: Callable[[], Connection] = Interpreter) -> Callable[[Process, int], Driver]:
    """A drive with real process death: every life of a process has a child of its own."""
    deadline = program.deadline if isinstance(program, RemoteProgram) else math.inf

    def drive(process: Process, life: int) -> Driver:
        seed = f"{process.name}/{life}"
        if not isinstance(process.run, str):
            return Life(program, process.run, seed)
        child = Child(program, connect, deadline)
        return _LifeInChild(child, process, process.run, seed, alone=True)

    return drive


class RemoteProgram(Program):
    """A program that is executed in children only: here is its text, and what is known of it.

    Each of its processes has a child, so that two have nothing in common but the world; all of them together have
    `total_s` from now on.
    """

    def __init__(
        self, source: str, filename: str, connect: Callable[[], Connection], total_s: float = TOTAL_S
    ) -> None:
        super().__init__(source, filename)
        self.deadline = time.monotonic() + total_s
        self._connect = connect
        self._children: dict[str, Child] = {}

    def child(self, name: str) -> Child:
        """The child in which the process of this name is run; another one if the last has ended."""
        child = self._children.get(name)
        if child is None or child.problem is not None:
            child = self._children[name] = Child(self, self._connect, self.deadline)
        return child

    def close(self) -> None:
        for child in self._children.values():
            child.close()

    def drive(self, process: Process, life: int) -> Driver:
        if not isinstance(process.run, str):
            return Life(self, process.run, f"{process.name}/{life}")
        return self.child(process.name).drive(process, life)

    def load(self) -> dict[str, Any]:
        raise RuntimeError("a remote program is not executed here")

    def _find_problem(self, entry: str, parameters: tuple[str, ...]) -> Problem | None:
        child = self.child("")
        try:
            return _problem(child.ask({"do": "problem", "entry": entry, "parameters": parameters}))
        except WireError:
            return child.problem


# The child's side

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from unreliable.pipe import serve_standard; serve_standard()"


def serve_standard() -> None:
    """Answers on the socket that is the standard input."""
    serve(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(0), "wb"))


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answers questions until there are no more."""
    server = _Server()
    while line := questions.readline():
        answer = server.answer(decode(line))
        if answer is not None:
            answers.write(encode(answer))
            answers.flush()


class _Server:
    """The lives of one program, by their seeds."""

    def __init__(self) -> None:
        self._lives: dict[str, Life] = {}
        self._program = Program("")

    def answer(self, question: dict[str, Any]) -> dict[str, Any] | None:  # noqa: PLR0911
        match question:
            case {"do": "load", "source": source, "filename": filename}:
                self._program = Program(source, filename)
            case {"do": "problem", "entry": entry, "parameters": parameters}:
                return {"problem": self._program.problem(entry, parameters)}
            case {"do": "resume", "seed": seed, "now_ms": now_ms, "reply": reply}:
                if "entry" in question:
                    self._lives[seed] = Life(self._program, question["entry"], seed)
                return self._resumed(self._lives[seed].resume(now_ms, reply))
            case {"do": "line", "seed": seed}:
                return {"line": self._lives[seed].line() if seed in self._lives else None}
            case {"do": "values", "seed": seed, "most": most}:
                return {"values": self._lives[seed].values(most) if seed in self._lives else 0}
            case {"do": "kill", "seed": seed}:
                self._lives.pop(seed, Life(self._program, "", "")).kill()
                return None
            case _:
                return {"unknown": True}
        return {}

    def _resumed(self, said: Request | Ended) -> dict[str, Any]:
        observed = self._program.shims.observed
        if isinstance(said, Ended):
            return {"problem": said.problem, "observed": observed}
        return {"request": said, "observed": observed}
