"""Points: what a passed test is worth, and what is taken off for being late.

Both files are TOML; docs/instructors.md shows one of each. Without them each test is worth one point.
"""

import math
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DAY_S = 24 * 60 * 60


class BadFile(Exception):
    """A file of points or of days cannot be used; the text says why."""


@dataclass(frozen=True)
class Worth:
    """An exercise's points, and how its tests share them. None: one point for each test's weight."""

    points: float | None = None
    weights: dict[str, float] = field(default_factory=dict[str, float])
    all_or_nothing: bool = False

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
    """Takes `off_per_day` of a student's points for each day begun after `due`, and never more than `at_most`."""

    due: datetime | None = None
    off_per_day: float = 0.0
    at_most: float = 1.0
    submitted: dict[str, datetime] = field(default_factory=dict[str, datetime])
    extension_days: dict[str, float] = field(default_factory=dict[str, float])

    def days(self, student: str) -> int:
        """Days begun after the student's own due time."""
        if self.due is None or student not in self.submitted:
            return 0
        late_s = (self.submitted[student] - self.due).total_seconds()
        return max(0, math.ceil(late_s / DAY_S - self.extension_days.get(student, 0.0)))

    def factor(self, student: str) -> float:
        return 1.0 - min(self.at_most, self.days(student) * self.off_per_day)


def load_points(path: Path | None, exercises: list[str]) -> dict[str, Worth]:
    """Each exercise's worth. Raises BadFile."""
    if path is None:
        return {}
    table = _load(path)
    worths: dict[str, Worth] = {}
    for exercise, told in table.items():
        if exercise not in exercises:
            raise BadFile(f"{path}: there is no exercise {exercise!r}. There are: {', '.join(exercises)}.")
        _only(path, told, {"points", "tests", "all_or_nothing"})
        weights = {test: _number(path, weight) for test, weight in told.get("tests", {}).items()}
        points = _number(path, told["points"]) if "points" in told else None
        worths[exercise] = Worth(points, weights, bool(told.get("all_or_nothing", False)))
    return worths


def load_lateness(path: Path | None) -> Lateness:
    """When it was due, and who was late. Raises BadFile."""
    if path is None:
        return Lateness()
    table = _load(path)
    _only(path, table, {"due", "off_per_day", "at_most", "submitted", "extension_days"})
    if "due" not in table or "off_per_day" not in table:
        raise BadFile(f"{path}: `due` and `off_per_day` are needed.")
    return Lateness(
        _time(path, table["due"]),
        _number(path, table["off_per_day"]),
        _number(path, table.get("at_most", 1.0)),
        {student: _time(path, when) for student, when in table.get("submitted", {}).items()},
        {student: _number(path, days) for student, days in table.get("extension_days", {}).items()},
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadFile(f"{path}: {error}") from None


def _only(path: Path, table: Any, names: set[str]) -> None:
    if not isinstance(table, dict) or set(table) - names:  # pyright: ignore[reportUnknownArgumentType]
        raise BadFile(f"{path}: a table may have {', '.join(sorted(names))}, and nothing else.")


def _number(path: Path, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise BadFile(f"{path}: {value!r} is no number from 0 on.")
    return float(value)


def _time(path: Path, value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise BadFile(f"{path}: {value!r} is no time such as 2026-11-20T23:59:00Z.")
    return value if value.tzinfo else value.replace(tzinfo=UTC)
