"""Tables for spreadsheets and gradebooks: gradebook.csv, canvas.csv with the columns of Canvas's export."""

import csv
import io
from pathlib import Path

from course.marking.gradebook import Gradebook
from course.marking.outputs import write_text

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


def safe(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def write(book: Gradebook, out: Path) -> None:
    rows: list[list[object]] = [["student", *book.exercises, "days late", "total", "of", "outcomes"]]
    for line in book.lines:
        outcomes = "; ".join(f"{entry.exercise}: {entry.outcome}" for entry in line.entries)
        scores = [entry.score for entry in line.entries]
        rows.append([line.student, *scores, line.days_late, line.score, line.most, outcomes])
    write_text(out / "gradebook.csv", _csv(rows))


def write_canvas(book: Gradebook, out: Path, roster: Path | None = None) -> None:
    """What Canvas imports; with its own export as the roster, its students are known by all their ids.

    An empty cell leaves the mark in Canvas as it is, which is right for a grader error.
    """
    known = _roster(roster)
    most = [entry.most for entry in book.lines[0].entries] if book.lines else [0.0] * len(book.exercises)
    rows: list[list[object]] = [[*CANVAS, *book.exercises], ["    Points Possible", "", "", "", "", *most]]
    for line in book.lines:
        scores = [None if e.score is None else round(e.score * line.factor, 2) for e in line.entries]
        rows.append([*known.get(line.student.casefold(), [line.student, "", "", line.student, ""]), *scores])
    write_text(out / "canvas.csv", _csv(rows))


def _roster(path: Path | None) -> dict[str, list[object]]:
    """Canvas's first columns for each student, by login, id and name."""
    if path is None:
        return {}
    known: dict[str, list[object]] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            columns: list[object] = [row.get(name, "") for name in CANVAS]
            for name in ("Student", "ID", "SIS User ID", "SIS Login ID"):
                if row.get(name):
                    known.setdefault(row[name].casefold(), columns)
    return known


def _csv(rows: list[list[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe(value) for value in row] for row in rows)
    return text.getvalue()
