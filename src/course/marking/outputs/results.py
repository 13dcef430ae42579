"""results.json: everything but the stories, by docs/results.schema.json; and what changed since the last run."""

import csv
import io
import json
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from course.marking.gradebook import Entry, Gradebook, Line, Marks
from course.marking.marker import terms_to_json
from course.marking.outputs import encoded, folder_of, listed, take_away, write_text
from course.marking.outputs.tables import safe
from course.marking.store import Mark, replaced
from course.results import SCHEMA

NAME = "results.json"
type Before = dict[tuple[str, str], tuple[str, float | None]]  # outcome, and points after what being late costs


@contextmanager
def opened(book: Gradebook, out: Path) -> Generator[Callable[[Line, Marks], None]]:
    """Adds one student after the other; the file takes its place when all are there."""
    head: dict[str, Any] = {
        "schema": SCHEMA,
        "terms": terms_to_json(book.terms),
        "exercises": book.exercises,
        "ignored": book.ignored,
    }
    with replaced(out / NAME) as file:
        file.write(encoded(json.dumps(head, ensure_ascii=False, indent=1).removesuffix("\n}")))
        separator = ',\n "students": [\n'

        def add(line: Line, marks: Marks) -> None:
            nonlocal separator
            file.write(encoded(separator + json.dumps(_student(line, marks), ensure_ascii=False)))
            separator = ",\n"

        yield add
        start = "" if book.lines else separator
        file.write(encoded(f'{start}\n],\n "walls": {json.dumps(sorted(map(list, book.walls)))}}}\n'))


def _student(line: Line, marks: Marks) -> dict[str, Any]:
    return {
        "student": line.student,
        "score": line.score,
        "most": line.most,
        "days_late": line.days_late,
        "factor": line.factor,
        "refusals": line.refusals,
        "exercises": [_exercise(entry, mark) for entry, mark in marks],
    }


def _exercise(entry: Entry, mark: Mark | None) -> dict[str, Any]:
    return {
        "exercise": entry.exercise,
        "outcome": entry.outcome,
        "message": entry.message,
        "score": entry.score,
        "most": entry.most,
        "key": entry.key,
        "misconceptions": entry.misconceptions,
        "results": _without_stories(mark["results"]) if mark else None,
        "private": _without_stories(mark["private"]) if mark else None,
    }


def _without_stories(results: dict[str, Any] | None) -> dict[str, Any] | None:
    if results is None:
        return None
    return {**results, "tests": [{**test, "story": None} for test in results["tests"]]}


def before(out: Path) -> Before:
    """The marks of the last run that was finished in this folder."""
    earlier: Before = {}
    try:
        with (out / NAME).open(encoding="utf-8") as file:
            for line in file:  # one for each student
                if line.startswith('{"student"'):
                    student = json.loads(line.rstrip(",\n"))
                    for entry in student["exercises"]:
                        score = None if entry["score"] is None else round(entry["score"] * student["factor"], 2)
                        earlier[student["student"], entry["exercise"]] = (entry["outcome"], score)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return earlier


def changes(book: Gradebook, earlier: Before) -> Iterator[str]:
    """A line for all who are no students any more, and one for each mark that is not what it was."""
    gone = _gone(book, earlier)
    if gone:
        yield f"No longer among the students, and without a report now: {listed(gone)}."
    for line in book.lines:
        for entry in line.entries:
            was = earlier.get((line.student, entry.exercise))
            if was is not None and was != (entry.outcome, line.final(entry)):
                now = f"{entry.outcome} {_told(line.final(entry))}"
                yield f"{line.student}, {entry.exercise}: {was[0]} {_told(was[1])} → {now}"


def write_changes(book: Gradebook, earlier: Before, out: Path) -> None:
    """regrade.csv: each mark before and after. Takes away the reports of who is no student any more."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(["student", "exercise", "outcome before", "score before", "outcome after", "score after"])
    for line in book.lines:
        for entry in line.entries:
            was = earlier.get((line.student, entry.exercise), ("", None))
            rows.writerow(map(safe, (line.student, entry.exercise, *was, entry.outcome, line.final(entry))))
    write_text(out / "regrade.csv", text.getvalue())
    kept = {folder_of(out, line.student).name.casefold() for line in book.lines}  # on some disks "ann" is "Ann"
    for student in _gone(book, earlier):
        if (folder := folder_of(out, student)).name.casefold() not in kept:
            take_away(folder)


def _gone(book: Gradebook, earlier: Before) -> list[str]:
    """The students of the last run who are none of this one's."""
    return sorted({student for student, _ in earlier} - {line.student for line in book.lines})


def _told(score: float | None) -> str:
    return "-" if score is None else f"{score:g}"
