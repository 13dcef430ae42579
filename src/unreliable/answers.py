"""Answers: what a program has said already, by what it had heard.

Rules
- A program is a function of what it hears in a life. What it answered once is known for all schedules that begin
  alike, so it has to be asked only from where a schedule leaves those before it.
- Who is asked on the way there is asked all over again, and the answers are compared. A program that answers
  otherwise is *fickle*: nothing that it says is remembered any more, and it is asked everything every time.
- What an interpreter answered that had never run the program before is `proved`: no other such has to be asked. As
  long as none of the others has said it too, it is `solitary`, and they are asked.
- No more is remembered than `MOST_BYTES`; then all is forgotten, and has to be asked again.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field

from unreliable.process import Ended
from unreliable.requests import Request

MOST_BYTES = 64 * 1024 * 1024
OVERHEAD = 500  # bytes of an answer besides its text, about


@dataclass(eq=False, slots=True)
class Answer:
    """One answer, and those that may come after it, by the next thing that is heard."""

    line: bytes
    said: Request | Ended
    after: "dict[str, Answer]" = field(default_factory=dict[str, "Answer"])
    values: dict[int, int] = field(default_factory=dict[int, int])  # in memory, as far as they were counted
    proved: bool = False
    solitary: bool = False


class Answers:
    """All answers of one program, by its lives."""

    def __init__(self) -> None:
        self._lives: dict[Hashable, Answer] = {}
        self._bytes = 0

    def of(self, life: Hashable) -> Answer:
        """Where such a life begins: nothing has been heard yet."""
        return self._lives.setdefault(life, Answer(b"", Ended()))

    def add(self, before: Answer, heard: str, answer: Answer) -> None:
        self._bytes += len(heard) + len(answer.line) + OVERHEAD
        if self._bytes > MOST_BYTES:
            self._lives.clear()
            self._bytes = 0
        before.after[heard] = answer
