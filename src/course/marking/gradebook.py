"""The gradebook: who has which mark, joined from the submissions, the store, the points and the days.

Rules
- Nothing is kept of a mark but its points, so that a class of any size fits.
- A test that the grader expects and that was not run is a test that was not passed.
- A grader error has no points, and neither has the total of its student: nobody loses marks by it.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from course.catalog import Exercise
from course.marking.intake import Student
from course.marking.marker import GRADER_ERROR, REFUSED, Terms, Unit
from course.marking.points import BadFile, Lateness, Worth
from course.marking.store import Mark, Store

MISSING = "missing"
EXTRA = "extra:"  # before the names of the instructor's own tests


@dataclass
class Entry:
    """One exercise of one student. `score`, before what being late costs, is None after a grader error."""

    exercise: str
    outcome: str
    message: str | None
    score: float | None
    most: float
    key: str | None = None
    misconceptions: list[str] = field(default_factory=list[str])


@dataclass
class Line:
    """One student; `refusals` are about what was not accepted or could not be read."""

    student: str
    entries: list[Entry]
    refusals: list[str]
    days_late: int
    factor: float

    @property
    def score(self) -> float | None:
        """After what being late costs; None while the grader owes a mark."""
        scores = [entry.score for entry in self.entries if entry.score is not None]
        return round(sum(scores) * self.factor, 2) if len(scores) == len(self.entries) else None

    def final(self, entry: Entry) -> float | None:
        """One exercise's points after what being late costs; None while the grader owes a mark."""
        return None if entry.score is None else round(entry.score * self.factor, 2)

    @property
    def most(self) -> float:
        return round(sum(entry.most for entry in self.entries), 2)


type Marks = list[tuple[Entry, Mark | None]]  # a student's exercises, each with its mark as it was stored


@dataclass
class Gradebook:
    """The whole class."""

    terms: Terms
    exercises: list[str]
    store: Store
    worths: dict[str, Worth]
    lateness: Lateness
    lines: list[Line] = field(default_factory=list[Line])
    ignored: list[str] = field(default_factory=list[str])  # what was left out, a line for each
    walls: set[tuple[str, ...]] = field(default_factory=set[tuple[str, ...]])
    unsampled: set[str] = field(default_factory=set[str])  # tests that were spared their random schedules

    def __post_init__(self) -> None:
        """Raises BadFile for the weight of a test that no grader has."""
        for exercise, worth in self.worths.items():
            tests = tests_of(exercise, self.terms.extra_tests)
            for test in worth.weights:
                if test not in tests:
                    raise BadFile(f"{worth.where}: there is no test {test!r}. There are: {', '.join(tests)}.")

    def add(self, student: Student, failures: "Misconceptions") -> tuple[Line, Marks]:
        """A student whose submissions all have their marks."""
        marks = [self._entry(student, exercise, failures) for exercise in self.exercises]
        days, factor = self.lateness.days(student.name), self.lateness.factor(student.name)
        refusals = [*student.refusals, *student.unread]
        line = Line(student.name, [entry for entry, _ in marks], refusals, days, factor)
        self.lines.append(line)
        return line, marks

    def _entry(self, student: Student, exercise: str, failures: "Misconceptions") -> tuple[Entry, Mark | None]:
        worth = self.worths.get(exercise, Worth())
        tests = tests_of(exercise, self.terms.extra_tests)
        most = worth.most(tests)
        found = student.found.get(exercise)
        if found is None:
            refused = bool(student.refusals) and not student.found
            message = student.refusals[0] if refused else f"There is no file for {exercise}."
            return Entry(exercise, REFUSED if refused else MISSING, message, 0.0, most), None
        if found.is_unread:
            return Entry(exercise, GRADER_ERROR, found.refusal, None, most), None
        if found.refusal is not None:
            return Entry(exercise, REFUSED, found.refusal, 0.0, most), None
        key = Unit(exercise, found.source, self.terms).key
        mark = failures.unkept.get(key) or self.store.get(key)
        if mark is None:
            return Entry(exercise, GRADER_ERROR, "It was not graded.", None, most), None
        self.walls.add(tuple(mark["walls"]))
        self.unsampled |= {f"{exercise}, {test}" for test in mark["unsampled"]}
        entry = Entry(exercise, mark["outcome"], mark["message"], None, most, key)
        if mark["outcome"] != GRADER_ERROR:
            entry.score = worth.score(tests, passed_tests(mark, tests))
            entry.misconceptions = failures.names(mark)
        return entry, mark


class Misconceptions:
    """Which wrong submission a failure looks like: the same first test, anomaly and schedule."""

    def __init__(self) -> None:
        self.unkept: dict[str, Mark] = {}  # marks that the store does not keep: the grader's errors
        self._known: dict[str, list[tuple[str, list[tuple[str, ...]]]]] = {}

    def learn(self, name: str, mark: Mark) -> None:
        failures = _failures(mark)
        if failures:
            self._known.setdefault(mark["exercise"], []).append((name, failures))

    def names(self, mark: Mark) -> list[str]:
        """The names that fit best, by how many failures are the same."""
        failures = _failures(mark)
        alike = [
            (len(set(failures).intersection(others)), name)
            for name, others in self._known.get(mark["exercise"], [])
            if failures and others[0] == failures[0]
        ]
        best = max((count for count, _ in alike), default=0)
        return sorted(name for count, name in alike if count == best)


def _failures(mark: Mark) -> list[tuple[str, ...]]:
    failed = (test for test in tests_in(mark["results"]) if test["outcome"] == "failed")
    return [(test["name"], test["anomaly"], test["token"]) for test in failed]


def tests_in(results: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The tests of results that may not be there."""
    return results["tests"] if results else []


def all_tests(mark: Mark) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each test's result with its name in the gradebook."""
    for which, before in (("results", ""), ("private", EXTRA)):
        for test in tests_in(mark[which]):
            yield before + test["name"], test


def passed_tests(mark: Mark, tests: list[str]) -> list[str]:
    """Those that were run and passed, in all their variants."""
    outcomes: dict[str, set[str]] = {}
    for name, test in all_tests(mark):
        outcomes.setdefault(name.partition("[")[0], set()).add(test["outcome"])
    return [test for test in tests if outcomes.get(test) == {"passed"}]


def tests_of(exercise: str, extra: Path | None) -> list[str]:
    """The tests that a grader expects, read off its text. Raises BadFile if Python cannot read it."""
    own = Exercise(exercise)
    private = _tests_in(extra / own.topic / f"test_{own.name}.py") if extra is not None else []
    return [*_tests_in(own.grader), *(EXTRA + name for name in private)]


@cache
def _tests_in(path: Path) -> list[str]:
    if not path.is_file():
        return []
    try:
        tree = ast.parse(path.read_text("utf-8"))
    except (SyntaxError, ValueError) as error:
        raise BadFile(f"{path} is no Python: {error}.") from None
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return [function.name for function in functions if function.name.startswith("test_")]
