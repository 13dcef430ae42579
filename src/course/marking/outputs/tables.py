"""Tables for spreadsheets and gradebooks: gradebook.csv, canvas.csv with the columns of Canvas's export.

Rules
- They are written when the whole class is known: a name in the instructor's files that leads to no student, or a
  student's that leads to nobody, is told in `ignored` then.
"""

import csv
import io
from pathlib import Path

from course.marking.gradebook import Gradebook
from course.marking.outputs import listed, write_text
from course.marking.points import BadFile

type Roster = dict[str, dict[str, str]]

CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


def safe(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def write(book: Gradebook, out: Path) -> None:
    """gradebook.csv; and tells who is in the file of days only."""
    strangers = book.lateness.strangers(line.student for line in book.lines)
    if strangers:
        book.ignored.append(
            f"{book.lateness.path} was not heeded for {listed(strangers)}: nobody who handed in is called so. "
            "Spell names as in gradebook.csv."
        )
    rows: list[list[object]] = [["student", *book.exercises, "days late", "total", "of", "outcomes"]]
    for line in book.lines:
        outcomes = "; ".join(f"{entry.exercise}: {entry.outcome}" for entry in line.entries)
        scores = [entry.score for entry in line.entries]
        rows.append([line.student, *scores, line.days_late, line.score, line.most, outcomes])
    write_text(out / "gradebook.csv", _csv(rows))


def write_canvas(book: Gradebook, out: Path, roster: Roster) -> None:
    """What Canvas imports, but for whom the grader owes a mark: to Canvas, an empty cell takes a mark back."""
    most = [entry.most for entry in book.lines[0].entries] if book.lines else [0.0] * len(book.exercises)
    rows: list[list[object]] = [[*CANVAS, *book.exercises], ["    Points Possible", "", "", "", "", *most]]
    for line in book.lines:
        if line.score is not None:
            rows.append([*identity(roster, line.student).values(), *map(line.final, line.entries)])
    write_text(out / "canvas.csv", _csv(rows))


def read_roster(path: Path | None) -> Roster:
    """Canvas's own export, by each of what it knows of a student. Raises BadFile."""
    if path is None:
        return {}
    known: Roster = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                columns = {name: row.get(name) or "" for name in CANVAS}
                for name in CANVAS[:-1]:
                    known.setdefault(columns[name].casefold(), columns)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path}: {error}") from None
    if not known:
        raise BadFile(f"{path} has no students: export the gradebook from Canvas.")
    known.pop("", None)
    return known


def identity(roster: Roster, student: str) -> dict[str, str]:
    """Canvas's first columns for a student; of one that it has not, the name."""
    unknown = {name: student if name in {"Student", "SIS Login ID"} else "" for name in CANVAS}
    return roster.get(student.casefold(), unknown)


def _csv(rows: list[list[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe(value) for value in row] for row in rows)
    return text.getvalue()
