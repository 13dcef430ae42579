"""Driving a learner's process in another interpreter, over a pipe.

Rules
- The child holds the program, its modules and its clients; the world, the schedule and the verdict stay here.
- The child is asked and answers, one line each; it can say nothing by itself. What it says is checked.
- The same schedule gives the same trace as with the program beside the world.
- A child that dies, or talks nonsense, or says nothing for `PATIENCE_S`, ends the process with a Problem.

This is the boundary, not yet the sandbox: the child is limited by nothing but the pipe.
"""

import os
import selectors
import subprocess
import sys
from typing import Any, BinaryIO, cast

from unreliable.process import Driver, Ended, Life
from unreliable.program import Problem, Program
from unreliable.requests import Request
from unreliable.scenario import Process
from unreliable.wire import MOST_BYTES, WireError, decode, encode

PATIENCE_S = 10


class Child:
    """An interpreter with one program in it. Close it when done; it is a context manager.

    `drive` is what an `Explorer` takes: it starts a life of a process in the child.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        command = [sys.executable, "-I", "-c", _BOOT, os.path.dirname(os.path.dirname(__file__))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={})
        self._ready = selectors.DefaultSelector()
        self._ready.register(cast("BinaryIO", self._process.stdout), selectors.EVENT_READ)
        self._rest = b""
        self.ask({"do": "load", "source": program.source, "filename": program.filename})

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()
        self._ready.close()

    def drive(self, process: Process, life: int) -> Driver:
        """One life of a process: in the child if the learner wrote it, beside the world if the course did."""
        seed = f"{process.name}/{life}"
        if not isinstance(process.run, str):
            return Life(self._program, process.run, seed)
        return _LifeInChild(self, self._program, process.run, seed)

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """The child's answer. Raises WireError if it gives none that can be understood."""
        try:
            pipe = cast("BinaryIO", self._process.stdin)
            pipe.write(encode(question))
            pipe.flush()
        except BrokenPipeError:
            raise WireError("the interpreter of the program has ended") from None
        answer = decode(self._line())
        if not isinstance(answer, dict):
            raise WireError("an answer that is none")
        return cast("dict[str, Any]", answer)

    def _line(self) -> bytes:
        descriptor = cast("BinaryIO", self._process.stdout).fileno()
        while b"\n" not in self._rest:
            if not self._ready.select(PATIENCE_S):
                raise WireError(f"the program said nothing for {PATIENCE_S} seconds")
            read = os.read(descriptor, 65536)
            if not read:
                raise WireError("the interpreter of the program has ended")
            self._rest += read
            if len(self._rest) > MOST_BYTES:
                raise WireError("a message that is too long")
        line, _, self._rest = self._rest.partition(b"\n")
        return line + b"\n"


class _LifeInChild:
    """A driver whose process lives in the child."""

    def __init__(self, child: Child, program: Program, entry: str, seed: str) -> None:
        self._child = child
        self._program = program
        self._start = {"do": "start", "entry": entry, "seed": seed}
        self._seed = seed
        self._started = False

    def resume(self, now_ms: int, reply: Any) -> Request | Ended:
        try:
            if not self._started:
                self._started = True
                self._child.ask(self._start)
            answer = self._child.ask({"do": "resume", "seed": self._seed, "now_ms": now_ms, "reply": reply})
        except WireError as error:
            advice = "It has to await something before its time and its memory are used up."
            return Ended(Problem("crashed", None, f"The program's interpreter failed: {error}.", advice))
        self._program.shims.observed |= answer.get("observed") is True
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
        try:
            self._child.ask({"do": "kill", "seed": self._seed})
        except WireError:
            return  # it is dead already


# The child's side

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from unreliable.pipe import serve; serve()"


def serve() -> None:
    """Answers questions until the pipe is closed."""
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the program prints by itself is no answer
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
            case {"do": "start", "entry": entry, "seed": seed}:
                self._lives[seed] = Life(self._program, entry, seed)
            case {"do": "resume", "seed": seed, "now_ms": now_ms, "reply": reply}:
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
