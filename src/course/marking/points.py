"""Points: what a passed test is worth, and what is taken off for being late.

Both files are TOML; docs/instructors.md shows one of each. Without them each test is worth one point.

Rules
- What is not understood is refused before anything is marked, in one line: the file, the key, what may be there.
- Students are found by name as in the roll, which takes names that differ in case alone for one. Who handed in
  nothing may be in no roll: a name that no student has is no error, and `strangers` tells it.
"""

import math
import tomllib
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

DAY_S = 24 * 60 * 60


class BadFile(Exception):
    """A file of points or of days cannot be used; the text says why."""


@dataclass(frozen=True)
class Worth:
    """An exercise's points, and how its tests share them. None: one point for each test's weight."""

    points: float | None = None
    weights: dict[str, float] = field(default_factory=dict[str, float])
    all_or_nothing: bool = False
    where: str = ""  # the weights were read, for whoever knows the tests

    def most(self, tests: list[str]) -> float:
        return self._weight(tests) if self.points is None else self.points

    def score(self, tests: list[str], passed: list[str]) -> float:
        if not tests or (self.all_or_nothing and len(passed) < len(tests)):
            return 0.0
        total = self._weight(tests)
        return round(self.most(tests) * self._weight(passed) / total, 2) if total else 0.0

    def _weight(self, tests: list[str]) -> float:
        return sum(self.weights.get(test, 1.0) for test in tests)


@dataclass(frozen=True)
class Lateness:
    """Takes `off_per_day` of a student's points for each day begun after `due`, and never more than `at_most`.

    Both are shares from 0 to 1. Students are called as `folded` has them, and `names` as the file has them.
    """

    due: datetime | None = None
    off_per_day: float = 0.0
    at_most: float = 1.0
    submitted: dict[str, datetime] = field(default_factory=dict[str, datetime])
    extension_days: dict[str, float] = field(default_factory=dict[str, float])
    names: tuple[str, ...] = ()
    path: Path | None = None

    def days(self, student: str) -> int:
        """Days begun after the student's own due time."""
        name = folded(student)
        if self.due is None or name not in self.submitted:
            return 0
        late_s = (self.submitted[name] - self.due).total_seconds()
        return max(0, math.ceil(late_s / DAY_S - self.extension_days.get(name, 0.0)))

    def factor(self, student: str) -> float:
        """What is left of the points: 1 for who was on time."""
        return 1.0 - min(self.at_most, self.days(student) * self.off_per_day)

    def strangers(self, students: Iterable[str]) -> list[str]:
        """The file's names that none of the students has."""
        known = {folded(student) for student in students}
        return [name for name in self.names if folded(name) not in known]


def folded(name: str) -> str:
    """What all spellings of a student's name have in common."""
    return unicodedata.normalize("NFC", name).strip().casefold()


def load_points(path: Path | None, exercises: list[str]) -> dict[str, Worth]:
    """Each exercise's worth. Raises BadFile."""
    if path is None:
        return {}
    worths: dict[str, Worth] = {}
    for exercise, value in _load(path).items():
        if exercise not in exercises:
            raise BadFile(f"{path}: there is no exercise {exercise!r}. There are: {', '.join(exercises)}.")
        where = f"{path}: {exercise}"
        told = _table(where, value, {"points", "tests", "all_or_nothing"})
        tests = _table(f"{where}.tests", told.get("tests", {}))
        weights = {test: _number(f"{where}.tests.{test}", weight) for test, weight in tests.items()}
        points = _number(f"{where}.points", told["points"]) if "points" in told else None
        whole = _bool(f"{where}.all_or_nothing", told.get("all_or_nothing", False))
        worths[exercise] = Worth(points, weights, whole, f"{where}.tests")
    return worths


def load_lateness(path: Path | None) -> Lateness:
    """When it was due, and who was late. Raises BadFile."""
    if path is None:
        return Lateness()
    told = _table(f"{path}", _load(path), {"due", "off_per_day", "at_most", "submitted", "extension_days"})
    if "due" not in told or "off_per_day" not in told:
        raise BadFile(f"{path}: `due` and `off_per_day` are needed.")
    submitted = _table(f"{path}: submitted", told.get("submitted", {}))
    extension_days = _table(f"{path}: extension_days", told.get("extension_days", {}))
    return Lateness(
        _time(f"{path}: due", told["due"]),
        _share(f"{path}: off_per_day", told["off_per_day"]),
        _share(f"{path}: at_most", told.get("at_most", 1.0)),
        _by_student(f"{path}: submitted", submitted, _time),
        _by_student(f"{path}: extension_days", extension_days, _number),
        tuple(dict.fromkeys([*submitted, *extension_days])),
        path,
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadFile(f"{path}: {error}") from None


# What a file may have. `where` is the file and the key.


def _table(where: str, value: Any, names: set[str] | None = None) -> dict[str, Any]:
    """A table with no other keys than `names`, if they are given."""
    if not isinstance(value, dict):
        raise BadFile(f"{where}: {value!r} is no table.")
    table = cast("dict[str, Any]", value)
    if names is not None and (unknown := sorted(table.keys() - names)):
        raise BadFile(f"{where}: {unknown[0]!r} means nothing here. There may be: {', '.join(sorted(names))}.")
    return table


def _by_student[T](where: str, table: dict[str, Any], read: Callable[[str, Any], T]) -> dict[str, T]:
    found: dict[str, T] = {}
    for student, value in table.items():
        if folded(student) in found:
            raise BadFile(f"{where}: {student!r} is there in two spellings: keep one of them.")
        found[folded(student)] = read(f"{where}.{student}", value)
    return found


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise BadFile(f"{where}: {value!r} is no number from 0 on.")
    return float(value)


def _share(where: str, value: Any) -> float:
    if (share := _number(where, value)) > 1:
        raise BadFile(f"{where}: {value!r} is no share from 0 to 1: write 0.1 for 10 percent.")
    return share


def _bool(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadFile(f"{where}: {value!r} is neither true nor false, which are written without quotes.")
    return value


def _time(where: str, value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise BadFile(f"{where}: {value!r} is no time such as 2026-11-20T23:59:00Z.")
    return value if value.tzinfo else value.replace(tzinfo=UTC)
