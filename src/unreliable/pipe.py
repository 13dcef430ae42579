"""Driving a learner's process in another interpreter, over a socket.

Rules
- The child (`unreliable.serving`) holds the program, its modules and its clients; the world, the schedule and the
  verdict stay here.
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Protocol, cast

from unreliable import requests as r
from unreliable.answers import Answer, Answers
from unreliable.process import Driver, Ended, Life
from unreliable.program import PROBLEMS, Problem, Program
from unreliable.requests import Request
from unreliable.scenario import Process
from unreliable.wire import WireError, decode, encode

PATIENCE_S = 10
TOTAL_S = 120
MOST_ANSWER = 64 * 1024  # bytes of one answer
# Questions at a time. They must fit into what the kernel keeps of a socket: who waits for room to answer does not
# read, and we read only when we have asked.
AT_ONCE, AT_ONCE_BYTES = 64, 64 * 1024
MOST_TEXT = 1_000  # characters of what a problem says
MOST_LINE = 1_000_000

# What a process may ask for, by the objects that it was handed; a program that lies cannot get at more.
# Any other name is that of a supplied object.
REQUESTS: dict[str, tuple[type[Request], ...]] = {
    "consumer": (
        *(r.Poll, r.CommitOffsets, r.Seek, r.Committed, r.Assignment),
        *(r.Subscribe, r.Unsubscribe, r.Close, r.Called, r.Assign, r.GroupMetadata),
        *(r.Position, r.PausePartitions, r.StoreOffsets, r.Watermarks),
    ),
    "share_consumer": (r.SharePoll, r.ShareCommit, r.ShareClose),
    "producer": (
        *(r.Produce, r.Delivery, r.Flush),
        *(r.InitTransactions, r.BeginTransaction, r.SendOffsets, r.EndTransaction),
    ),
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


_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from unreliable import serving; serving.serve_standard()"


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
    """A child with one program in it, started when it is first asked. Close it when done; it is a context manager.

    After `deadline`, by time.monotonic(), it is asked nothing any more.
    """

    def __init__(
        self, program: Program, connect: Callable[[], Connection] = Interpreter, deadline: float = math.inf
    ) -> None:
        self.program = program
        self.problem: Problem | None = None  # why it ended by itself
        self._answers = Answers()
        self._deadline = deadline
        self._connect = connect
        self._connection: Connection | None = None
        self._closed = False
        self._has_orders = False  # what was told to it last needed no answer: it may be at work

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._has_orders = False
            if self._connection is not None:
                ended = self._connection.close()
                self.program.out_of_time |= ended is not None and ended.kind == "endless"
                self.problem = ended or self.problem

    def drive(self, process: Process, life: int) -> Driver:
        """One life of a process: in the child if the learner wrote it, beside the world if the course did."""
        if not isinstance(process.run, str):
            return Life(self.program, process.run, f"{process.name}/{life}")
        return _LifeInChild(self, self._answers, process, life)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The child's answer. Raises WireError, and ends the child, if it gives none that can be understood."""
        return self.understand(self.ask_all([encode(question)])[0])

    def ask_all(self, questions: list[bytes]) -> list[bytes]:
        """The answers to some questions, as they were sent. Raises WireError, and ends the child."""
        try:
            self.check_time()
            load = [] if self._connection is not None else [self._open()]
            self._send(b"".join((*load, *questions)))
            self._has_orders = False
            return self._lines(len(load) + len(questions))[len(load) :]
        except WireError as error:
            self.fail(error)
            raise

    def understand(self, line: bytes) -> dict[str, Any]:
        """What a line says. Raises WireError, and ends the child, if that is no answer."""
        try:
            answer = decode(line)
            if not isinstance(answer, dict):
                raise WireError("it gave an answer that is none")
        except WireError as error:
            self.fail(error)
            raise
        return cast("dict[str, Any]", answer)

    def tell(self, order: dict[str, Any]) -> None:
        """Says what needs no answer."""
        try:
            self.check_time()
            self._send(encode(order))
            self._has_orders = True
        except WireError as error:
            self.fail(error)

    def fail(self, error: WireError) -> None:
        """Ends the child, which does not keep to the rules."""
        message = f"The program's interpreter: {error}."
        self.problem = self.problem or Problem("crashed", None, message, _ADVICE)
        self.close()

    def come_to_rest(self) -> bool:
        """Whether it now waits to be asked. If not, it has ended."""
        try:
            if self._has_orders:
                self.ask({"do": "rest"})
        except WireError:
            return False
        return True

    def check_time(self) -> None:
        """Raises WireError if the program has had its time, or the child has ended."""
        if self._closed:
            raise WireError("it has ended already")
        if time.monotonic() > self._deadline:
            raise self._late("The program took too long for all of its schedules together.")

    def _open(self) -> bytes:
        """Starts the child; the first question to it."""
        self._connection = self._connect()
        patience = struct.pack("@ll", PATIENCE_S, 0)  # kept by the kernel: cheaper than to wait and then to read
        self._connection.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        self._connection.stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        return encode({"do": "load", "source": self.program.source, "filename": self.program.filename})

    def _send(self, data: bytes) -> None:
        assert self._connection is not None
        try:
            self._connection.stream.sendall(data)
        except BlockingIOError:
            raise self._silent() from None
        except OSError:
            raise WireError("it has ended") from None

    def _lines(self, count: int) -> list[bytes]:
        """So many lines, and nothing after them. Who gives them byte by byte may take as long as who is silent."""
        assert self._connection is not None
        deadline = time.monotonic() + PATIENCE_S
        said, heard, ended = bytearray(), b"", 0
        while ended < count:
            try:
                heard = self._connection.stream.recv(65536)
            except BlockingIOError:
                raise self._silent() from None
            except OSError:
                heard = b""
            if not heard:
                raise WireError("it has ended")
            if time.monotonic() > deadline:
                raise self._silent()
            said += heard
            ended += heard.count(b"\n")
            if len(said) > MOST_ANSWER * count:
                raise WireError("it sent a message that is too long")
        *lines, rest = bytes(said).split(b"\n")
        if rest or ended > count:
            raise WireError("it said what it was not asked")
        return [line + b"\n" for line in lines]

    def _silent(self) -> WireError:
        return self._late(f"The program said nothing for {PATIENCE_S} s.")

    def _late(self, message: str) -> WireError:
        self.problem = Problem("endless", None, message, _ADVICE)
        self.program.out_of_time = True
        return WireError(message)


_ADVICE = "It has to await something before its time and its memory are used up."


class _LifeInChild:
    """A driver whose process lives in a child. `alone`: the child dies with it.

    What is heard is put to the child only when no answer to it is known: then with all of `_unasked`, whose
    answers were. A child that is alone has to answer all of it by itself in the end, but for what is `proved`.
    """

    def __init__(self, child: Child, answers: Answers, process: Process, life: int, alone: bool = False) -> None:
        self._child = child
        self._answers = answers
        self._answer = answers.of((process.name, process.run, process.objects, life))
        self._kinds = allowed(process)
        self._seed = f"{process.name}/{life}"
        self._alone = alone
        self._has_begun = False
        self._start: dict[str, Any] = {"entry": process.run}
        self._unasked: list[tuple[dict[str, Any], Answer]] = []

    def resume(self, now_ms: int, reply: Any) -> Request | Ended:
        program = self._child.program
        question = {"do": "resume", "seed": self._seed, "now_ms": now_ms, "reply": reply, **self._start}
        self._start = {}
        try:
            self._child.check_time()
            heard = repr((now_ms, reply) if program.shims.observed else reply)  # 1, True and 1.0 are three replies
            answer = self._known(heard)
            if answer is None:
                before, answer = self._answer, self._asked(question)
                if not program.fickle:
                    answer = self._remembered(before, heard, answer)
            else:
                self._unasked.append((question, answer))
        except WireError as error:
            self._child.fail(error)
            return Ended(self._child.problem)
        self._answer = answer
        return answer.said

    def _known(self, heard: str) -> Answer | None:
        """What it says to that, if that is known of its kind; counts what only those that died have said."""
        if self._child.program.fickle:
            return None
        answer = self._answer.after.get(heard)
        if answer is not None and answer.solitary:
            self._child.program.said_alone += self._alone
            return answer if self._alone else None
        return answer

    def _remembered(self, before: Answer, heard: str, answer: Answer) -> Answer:
        """An answer that was not known, or was solitary, from now on."""
        solitary = before.after.get(heard)
        if solitary is None:
            answer.solitary = self._alone
            self._child.program.said_alone += self._alone
            self._answers.add(before, heard, answer)
            return answer
        solitary.solitary = False
        if solitary.line != answer.line:
            self._child.program.fickle = True
            return answer
        return solitary

    def _asked(self, question: dict[str, Any]) -> Answer:
        """The child's own answer. Raises WireError."""
        line = self._catch_up(question)
        found = self._child.understand(line)
        self._child.program.shims.observed |= found.get("observed") is True
        said = found.get("request")
        if said is None:
            said = Ended(_problem(found))
        elif not isinstance(said, Request) or type(said) not in self._kinds:
            raise WireError("it asked for what it was not handed")
        return Answer(line, said, proved=self._alone)

    def _catch_up(self, *further: dict[str, Any]) -> bytes:
        """Asks what was not asked yet, and `further`; the last answer. Raises WireError."""
        known = [answer for _, answer in self._unasked]
        questions = [encode(question) for question in (*(question for question, _ in self._unasked), *further)]
        self._unasked = []
        self._has_begun = True
        lines: list[bytes] = [b""]
        for some in _at_once(questions):
            lines += self._child.ask_all(some)
        for line, answer in zip(lines[1:], known, strict=False):
            if line != answer.line:
                self._child.program.fickle = True
            elif self._alone:
                answer.proved = True
        return lines[-1]

    def line(self) -> int | None:
        line = self._found("line")
        return _line_number(line)

    def values(self, most: int) -> int:
        if most not in self._answer.values or self._child.program.fickle:
            found = self._found("values", most=most)
            self._answer.values[most] = found if type(found) is int else most + 1
        return self._answer.values[most]

    def _found(self, what: str, **options: Any) -> Any:
        """What the child says of the process as it is now; None from one that has ended."""
        try:
            self._catch_up()
            return self._child.ask({"do": what, "seed": self._seed, **options}).get(what)
        except WireError:
            return None

    def kill(self) -> None:
        if self._alone:
            self._prove()
            self._child.close()
        elif self._has_begun:
            self._child.tell({"do": "kill", "seed": self._seed})

    def _prove(self) -> None:
        if self._unasked and not self._answer.proved:
            try:
                self._catch_up()
            except WireError:
                self._child.program.fickle = True


def _at_once(questions: list[bytes]) -> Iterator[list[bytes]]:
    """The questions in their order, as many at a time as may be put."""
    some: list[bytes] = []
    size = 0
    for question in questions:
        if some and (len(some) == AT_ONCE or size + len(question) > AT_ONCE_BYTES):
            yield some
            some, size = [], 0
        some.append(question)
        size += len(question)
    if some:
        yield some


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
    """A drive with real process death: every life of a process has a child of its own.

    None begins while another child of the program is at work, which could tell it something by the machine's load.
    """
    remote = program if isinstance(program, RemoteProgram) else None
    deadline, answers = (remote.deadline, remote.answers) if remote else (math.inf, Answers())

    def drive(process: Process, life: int) -> Driver:
        if not isinstance(process.run, str):
            return Life(program, process.run, f"{process.name}/{life}")
        child = (remote and remote.restless_child()) or Child(program, connect, deadline)
        return _LifeInChild(child, answers, process, life, alone=True)

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
        self.answers = Answers()
        self._connect = connect
        self._children: dict[str, Child] = {}

    def child(self, name: str) -> Child:
        """The child in which the process of this name is run; another one if the last has ended."""
        child = self._children.get(name)
        if child is None or child.problem is not None:
            child = self._children[name] = Child(self, self._connect, self.deadline)
        return child

    def restless_child(self) -> Child | None:
        """One that does not come to rest, and has ended for it; None if all wait to be asked."""
        return next((child for child in self._children.values() if not child.come_to_rest()), None)

    def close(self) -> None:
        with ExitStack() as stack:
            for child in self._children.values():
                stack.callback(child.close)

    def drive(self, process: Process, life: int) -> Driver:
        if not isinstance(process.run, str):
            return Life(self, process.run, f"{process.name}/{life}")
        return _LifeInChild(self.child(process.name), self.answers, process, life)

    def load(self) -> dict[str, Any]:
        raise RuntimeError("a remote program is not executed here")

    def _find_problem(self, entry: str, parameters: tuple[str, ...]) -> Problem | None:
        child = self.child("")
        try:
            return _problem(child.ask({"do": "problem", "entry": entry, "parameters": parameters}))
        except WireError:
            return child.problem
