"""The child's side of the pipe: lives of one program, and nothing of a world.

Rules
- Each line is a question of `unreliable.pipe`; each but the order to kill is answered by one line, in turn.
- Who can send no more has ended the child.
"""

import os
from io import BufferedReader, BufferedWriter
from typing import Any

from unreliable.process import Ended, Life
from unreliable.program import Program
from unreliable.requests import Request
from unreliable.wire import decode, encode


def serve_standard() -> None:
    """Answers on the socket that is the standard input."""
    serve(os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(0), "wb"))


def serve(questions: BufferedReader, answers: BufferedWriter) -> None:
    """Answers questions until there are no more."""
    server = _Server()
    rest = b""
    while heard := questions.read1():
        *lines, rest = (rest + heard).split(b"\n")
        said = (server.answer(decode(line + b"\n")) for line in lines)
        answers.write(b"".join(encode(answer) for answer in said if answer is not None))
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
                self._program.shims.observed = False  # so that an answer says it of itself alone
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
            case {"do": "rest"}:
                pass
            case _:
                return {"unknown": True}
        return {}

    def _resumed(self, said: Request | Ended) -> dict[str, Any]:
        observed = self._program.shims.observed
        if isinstance(said, Ended):
            return {"problem": said.problem, "observed": observed}
        return {"request": said, "observed": observed}
