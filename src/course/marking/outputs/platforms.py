"""For other platforms: Gradescope, Classroom50, exercism, and LTI's Assignment and Grade Services.

The formats are theirs; tests/course/test_marking.py holds each to what its documentation asks for.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from course.marking.gradebook import (
    EXTRA,
    MISSING,
    Entry,
    Gradebook,
    Line,
    Marks,
    all_tests,
    passed_tests,
    tests_in,
    tests_of,
)
from course.marking.marker import GRADER_ERROR, PASSED
from course.marking.outputs import View, folder_of, title_of, write_json
from course.marking.outputs.tables import Roster, user_id
from course.marking.points import Worth
from course.marking.store import Mark

MOST_MESSAGE = 65_535  # characters, in exercism's interface
MOST_OUTPUT = 500


def write_student(book: Gradebook, line: Line, marks: Marks, out: Path, view: View) -> None:
    """A student's files; none where the grader owes a mark, which each platform would take for zero points."""
    folder = folder_of(out, line.student)
    _write(folder / "gradescope.json", line.score is not None and gradescope(book, line, marks, view))
    for entry, mark in marks:
        name = entry.exercise.replace("/", "--")
        marked = entry.score is not None and classroom50(book, line, entry, mark, view.show)
        _write(folder / "classroom50" / f"{name}.json", marked)
        _write(folder / "exercism" / f"{name}.json", exercism(entry, mark, view.show))


def write(book: Gradebook, out: Path, roster: Roster) -> None:
    """LTI's scores of the class."""
    write_json(out / "lti-scores.json", lti_scores(book, datetime.now(UTC), roster))


def _write(path: Path, value: dict[str, Any] | Literal[False]) -> None:
    if value:
        write_json(path, value)
    else:
        path.unlink(missing_ok=True)


type _Case = tuple[str, str, bool, float, float, str]  # name, title, passed, score, most, what a student is told


def _cases(book: Gradebook, entry: Entry, mark: Mark | None, show: str) -> Iterator[_Case]:
    """Each expected test with its share of the points."""
    tests = tests_of(entry.exercise, book.terms.extra_tests)
    worth = book.worths.get(entry.exercise, Worth())
    passed = passed_tests(mark, tests) if mark else []
    told = dict(all_tests(mark)) if mark else {}
    counted = passed if not worth.all_or_nothing or len(passed) == len(tests) else []
    for name in tests:
        test = told.get(name, {"title": name, "sentence": entry.message, "anomaly": None})
        score = worth.score(tests, [name]) if not worth.all_or_nothing else worth.most(tests) / len(tests)
        said = _said(test, show) if name not in passed and not name.startswith(EXTRA) else ""
        yield name, title_of(name, test), name in passed, score if name in counted else 0.0, score, said


def _said(test: dict[str, Any], show: str) -> str:
    """What a student is told of a failed test."""
    if show == "marks":
        return ""
    what = f"{test['anomaly']}: " if test["anomaly"] else ""
    said = f"{what}{test['sentence']}"
    if show == "story" and test.get("story"):
        said += "\n\n" + "\n".join(test["story"]["text"])
    return said


def gradescope(book: Gradebook, line: Line, marks: Marks, view: View) -> dict[str, Any]:
    """Gradescope's results.json."""
    tests: list[dict[str, Any]] = []
    for entry, mark in marks:
        for name, title, passed, score, most, said in _cases(book, entry, mark, view.show):
            told = view.private if name.startswith(EXTRA) else "visible"
            tests.append(
                {
                    "name": f"{entry.exercise}: {title}",
                    "score": round(score, 2),
                    "max_score": round(most, 2),
                    "status": "passed" if passed else "failed",
                    "output": said,
                    "output_format": "text",
                    "visibility": told if view.show != "marks" else "hidden",
                    "tags": [entry.exercise],
                    "extra_data": {"outcome": entry.outcome},
                }
            )
    late = f" {line.days_late} days late: {line.factor:.0%} of the points." if line.days_late else ""
    unmarked = [f"{e.exercise}: {e.message}" for e in line.entries if e.key is None and e.message]
    return {
        "score": line.score,
        "output": "\n".join([*line.refusals, *unmarked]) + late,
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {"outcomes": {entry.exercise: entry.outcome for entry in line.entries}},
    }


def classroom50(book: Gradebook, line: Line, entry: Entry, mark: Mark | None, show: str) -> dict[str, Any]:
    """classroom50/result/v1, whose scores are integers: hundredths, where a point may be divided.

    Its submissions are tags that begin with `submit/`; outside of its workflow the tag names what was marked.
    As in Gradescope's file, what being late costs is taken off the score, not off its tests.
    """
    cases = list(_cases(book, entry, mark, show))
    whole = not book.lateness.off_per_day and all(float(most).is_integer() for *_, most, _ in cases)
    scale = 1 if whole else 100
    tests = [
        {
            "test-name": name,
            "passed": passed,
            "score": round(score * scale),
            "max-score": round(most * scale),
        }
        for name, _, passed, score, most, _ in cases
    ]
    commit = os.environ.get("COMMIT_URL", "unknown")
    return {
        "schema": "classroom50/result/v1",
        "classroom": os.environ.get("CLASSROOM", "course"),
        "assignment": os.environ.get("ASSIGNMENT", entry.exercise.replace("/", "--")),
        "owner": line.student,
        "submission": os.environ.get("SUBMISSION_TAG", f"submit/{entry.key or entry.outcome}"),
        "commit": commit,
        "release": os.environ.get("RELEASE_URL", commit),
        "review": os.environ.get("REVIEW_URL") or commit,
        "datetime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "score": round((line.final(entry) or 0.0) * scale),
        "max-score": round(entry.most * scale),
        "tests": tests if show != "marks" else [],
    }


def exercism(entry: Entry, mark: Mark | None, show: str) -> dict[str, Any]:
    """Exercism's test runner interface: version 3, or 1 where no test may be told, as only that has none."""
    if mark is None or entry.outcome == GRADER_ERROR:
        message = (entry.message if entry.key is None else None) or entry.outcome
        return {"version": 3, "status": "error", "message": message[:MOST_MESSAGE]}
    if show == "marks" or not tests_in(mark["results"]):
        passed = entry.outcome == PASSED
        return {"version": 1, "status": "pass" if passed else "fail", "message": None if passed else entry.outcome}
    tests = [
        {
            "name": test["title"],
            "status": {"passed": "pass", "failed": "fail"}.get(test["outcome"], "error"),
            "message": None if test["outcome"] == "passed" else _said(test, show)[:MOST_MESSAGE],
            "output": mark["results"]["output"][:MOST_OUTPUT] or None,
            "test_code": f"def {test['name']}(verify): ...",
            "task_id": number,
        }
        for number, test in enumerate(tests_in(mark["results"]), 1)
    ]
    status = "pass" if all(test["status"] == "pass" for test in tests) else "fail"
    return {"version": 3, "status": status, "message": None, "tests": tests}


def lti_scores(book: Gradebook, now: datetime, roster: Roster) -> list[dict[str, Any]]:
    """A score for each student and exercise, to be posted to the exercise's line item."""
    return [_lti(line, entry, now, roster) for line in book.lines for entry in line.entries]


def _lti(line: Line, entry: Entry, now: datetime, roster: Roster) -> dict[str, Any]:
    score: dict[str, Any] = {
        "userId": user_id(roster, line.student),
        "timestamp": now.isoformat(timespec="milliseconds"),
        "activityProgress": "Initialized" if entry.outcome == MISSING else "Completed",
        "gradingProgress": "Failed" if entry.score is None else "FullyGraded",
        "comment": f"{entry.exercise}: {entry.outcome}",
    }
    if entry.score is not None:
        score |= {"scoreGiven": line.final(entry), "scoreMaximum": entry.most}
    return score
