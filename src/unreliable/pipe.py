"""Driving a learner's process in another interpreter, over a pipe.

Rules
- The child holds the program, its modules and its clients; the world, the schedule and the verdict stay here.
- The child is asked and answers, one line each; it can say nothing by itself. What it says is checked.
- The same schedule gives the same trace as with the program beside the world.
- A child that dies, or talks nonsense, or says nothing for `PATIENCE_S`, ends the process with a Problem.
- A crash is a fresh module in the same child, which is fast, or (`fresh`) the death of the child, which is real.

Who makes the child decides what it is limited by: an `Interpreter` by nothing but the pipe, one of the course's
sandbox by much more.
"""

import os
import selectors
import subprocess
import sys
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol, cast

from unreliable.process import Driver, Ended, Life
from unreliable.program import Problem, Program
from unreliable.requests import Request
from unreliable.scenario import Process
from unreliable.wire import MOST_BYTES, WireError, decode, encode

PATIENCE_S = 10


class Connection(Protocol):
    """A child, as far as it can be spoken to: two file descriptors, and an end."""

    @property
    def reader(self) -> int: ...

    @property
    def writer(self) -> int: ...

    def close(self) -> Problem | None:
        """Ends the child and all that it started; says why it ended by itself, if it did."""
        ...


class Interpreter:
    """A child that is another Python of this machine, with an empty environment and no other limits."""

    def __init__(self) -> None:
        command = [sys.executable, "-I", "-c", _BOOT, os.path.dirname(os.path.dirname(__file__))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={})

    @property
    def reader(self) -> int:
        return cast("BinaryIO", self._process.stdout).fileno()

    @property
    def writer(self) -> int:
        return cast("BinaryIO", self._process.stdin).fileno()

    def close(self) -> Problem | None:
        self._process.kill()
        self._process.communicate()
        return None


class Child:
    """A child with one program in it. Close it when done; it is a context manager."""

    def __init__(self, program: Program, connect: Callable[[], Connection] = Interpreter) -> None:
        self.program = program
        self.problem: Problem | None = None  # why it ended by itself
        self._connection = connect()
        self._answers = selectors.DefaultSelector()
        self._answers.register(self._connection.reader, selectors.EVENT_READ)
        self._rest = b""
        self._closed = False
        self.ask({"do": "load", "source": program.source, "filename": program.filename})

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._answers.close()
            self.problem = self._connection.close() or self.problem

    def drive(self, process: Process, life: int) -> Driver:
        """One life of a process: in the child if the learner wrote it, beside the world if the course did."""
        seed = f"{process.name}/{life}"
        if not isinstance(process.run, str):
            return Life(self.program, process.run, seed)
        return _LifeInChild(self, process.run, seed)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The child's answer. Raises WireError, and ends the child, if it gives none that can be understood."""
        try:
            if self._closed:
                raise WireError("it has ended already")
            self._send(encode(question))
            answer = decode(self._line())
            if not isinstance(answer, dict):
                raise WireError("it gave an answer that is none")
        except WireError as error:
            self.problem = self.problem or Problem(
                "crashed", None, f"The program's interpreter: {error}.", _ADVICE
            )
            self.close()
            raise
        return cast("dict[str, Any]", answer)

    def _send(self, line: bytes) -> None:
        try:
            while line:
                line = line[os.write(self._connection.writer, line) :]
        except OSError:
            raise WireError("it has ended") from None

    def _line(self) -> bytes:
        while b"\n" not in self._rest:
            if not self._answers.select(PATIENCE_S):
                self.problem = Problem("endless", None, f"The program said nothing for {PATIENCE_S} s.", _ADVICE)
                raise WireError(f"it said nothing for {PATIENCE_S} seconds")
            try:
                read = os.read(self._connection.reader, 65536)
            except OSError:
                read = b""
            if not read:
                raise WireError("it has ended")
            self._rest += read
            if len(self._rest) > MOST_BYTES:
                raise WireError("it sent a message that is too long")
        line, _, self._rest = self._rest.partition(b"\n")
        return line + b"\n"


_ADVICE = "It has to await something before its time and its memory are used up."


class _LifeInChild:
    """A driver whose process lives in a child. `alone`: the child dies with it."""

    def __init__(self, child: Child, entry: str, seed: str, alone: bool = False) -> None:
        self._child = child
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
        if isinstance(said, Request):
            return said
        problem = answer.get("problem")
        return Ended(problem if isinstance(problem, Problem) else None)

    def line(self) -> int | None:
        try:
            line = self._child.ask({"do": "line", "seed": self._seed}).get("line")
        except WireError:
            return None
        return line if isinstance(line, int) else None

    def kill(self) -> None:
        if self._alone:
            self._child.close()
            return
        try:
            self._child.ask({"do": "kill", "seed": self._seed})
        except WireError:
            return  # it is dead already


def fresh(program: Program, connect: Callable[[], Connection] = Interpreter) -> Callable[[Process, int], Driver]:
    """A drive with real process death: every life of a process has a child of its own."""

    def drive(process: Process, life: int) -> Driver:
        seed = f"{process.name}/{life}"
        if not isinstance(process.run, str):
            return Life(program, process.run, seed)
        return _LifeInChild(Child(program, connect), process.run, seed, alone=True)

    return drive


class RemoteProgram(Program):
    """A program that is executed in a child only: here is its text, and what is known of it."""

    def __init__(self, source: str, filename: str, connect: Callable[[], Connection]) -> None:
        super().__init__(source, filename)
        self._connect = connect
        self._first: Child | None = None

    @property
    def child(self) -> Child:
        """The child in which its schedules are run; another one if the last has ended."""
        if self._first is None or self._first.problem is not None:
            self._first = Child(self, self._connect)
        return self._first

    def close(self) -> None:
        if self._first is not None:
            self._first.close()

    def drive(self, process: Process, life: int) -> Driver:
        return self.child.drive(process, life)

    def load(self) -> dict[str, Any]:
        raise RuntimeError("a remote program is not executed here")

    def _find_problem(self, entry: str, parameters: tuple[str, ...]) -> Problem | None:
        try:
            found = self.child.ask({"do": "problem", "entry": entry, "parameters": parameters}).get("problem")
        except WireError:
            return self._first.problem if self._first else None
        return found if isinstance(found, Problem) else None


# The child's side

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from unreliable.pipe import serve_standard; serve_standard()"


def serve_standard() -> None:
    """Answers on standard input and output; what the program prints by itself goes elsewhere."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(questions, answers)


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answers questions until there are no more."""
    server = _Server()
    while line := questions.readline():
        answers.write(encode(server.answer(decode(line))))
        answers.flush()


class _Server:
    """The lives of one program, by their seeds."""

    def __init__(self) -> None:
        self._lives: dict[str, Life] = {}
        self._program = Program("")

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
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
            case {"do": "kill", "seed": seed}:
                self._lives.pop(seed, Life(self._program, "", "")).kill()
            case _:
                return {"unknown": True}
        return {}

    def _resumed(self, said: Request | Ended) -> dict[str, Any]:
        observed = self._program.shims.observed
        if isinstance(said, Ended):
            return {"problem": said.problem, "observed": observed}
        return {"request": said, "observed": observed}
