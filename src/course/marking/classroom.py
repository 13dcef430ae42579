"""A class in pytest: `pytest tests/graders --submissions DIR` has a test for each student of each exercise.

Rules
- The same submissions are read and refused as by `course grade`; a refused one fails with the reason.
- Each test's submission runs behind the walls that there are, and its single crashes are repeated for real.
- Nothing is tried on the solution: a check that fails by itself, or a slow machine, looks like a wrong submission.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from course.marking.intake import Found, known_exercises, read, roll
from course.pytest_plugin import MANNER, Manner
from course.sandbox.jail import Jail
from unreliable.pipe import RemoteProgram, fresh


@dataclass(frozen=True)
class HandedIn:
    """What one student handed in for an exercise, or why there is nothing to run."""

    student: str
    found: Found | None
    refusal: str

    @contextmanager
    def jailed(self, request: pytest.FixtureRequest) -> Generator[RemoteProgram]:
        """The program for one test, in a jail of its own."""
        if self.found is None or self.found.refusal is not None:
            pytest.fail((self.found and self.found.refusal) or self.refusal, pytrace=False)
        with Jail() as jail:
            program = RemoteProgram(self.found.source, f"{self.student}.py", jail.connect)
            request.node.stash[MANNER] = Manner(drive=program.drive, fresh=fresh(program, jail.connect))
            try:
                yield program
            finally:
                program.close()


def handed_in(folder: Path, grader: Path) -> list[HandedIn]:
    """Each student's submission of the grader's exercise."""
    exercise = f"{grader.parent.name}/{grader.stem.removeprefix('test_')}"
    known = known_exercises(grader.parents[1])
    handed: list[HandedIn] = []
    for name, places in roll(folder).places.items():
        student = read(name, places, [exercise], known)
        refusal = "; ".join(student.refusals) or f"There is no file for {exercise}."
        handed.append(HandedIn(name, student.found.get(exercise), refusal))
    return handed
