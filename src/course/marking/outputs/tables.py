"""Tables for spreadsheets and gradebooks: gradebook.csv, canvas.csv with the columns of Canvas's export.

Rules
- They are written when the whole class is known: a name in the instructor's files that leads to no student, or a
  student's that leads to nobody, is told in `ignored` then.
- A name that leads to two rows of Canvas's is nobody's: a blank is asked about, a wrong id marks another student.
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from course.marking.gradebook import Gradebook
from course.marking.outputs import listed, write_text
from course.marking.points import BadFile, folded

type Roster = dict[str, list[dict[str, str]]]  # the rows that a name or an id may mean

NEEDED = {"Student", "ID"}
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
    """What Canvas imports, but for whom the grader owes a mark: to Canvas, an empty cell takes a mark back.

    And tells whom the roster does not know, or not for certain.
    """
    most = [entry.most for entry in book.lines[0].entries] if book.lines else [0.0] * len(book.exercises)
    rows: list[list[object]] = [[*CANVAS, *book.exercises], ["    Points Possible", "", "", "", "", *most]]
    for line in book.lines:
        if line.score is not None:
            rows.append([*identity(roster, line.student).values(), *map(line.final, line.entries)])
    write_text(out / "canvas.csv", _csv(rows))
    if roster:
        book.ignored.extend(_doubts(book, roster))


def read_roster(path: Path | None) -> Roster:
    """Canvas's own export, by each of what it knows of a student. Raises BadFile."""
    if path is None:
        return {}
    known: Roster = {}
    try:
        for row in _exported(path):
            columns = {name: row.get(name) or "" for name in CANVAS}
            for key in {folded(columns[name]) for name in CANVAS[:-1]} - {""}:
                rows = known.setdefault(key, [])
                if columns not in rows:
                    rows.append(columns)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path}: {error}") from None
    if not known:
        raise BadFile(f"{path} has no students: export the gradebook from Canvas.")
    return known


def _exported(path: Path) -> Iterable[dict[str, str | None]]:
    """The rows of an export, with commas or, as Canvas has it in some languages, semicolons. Raises BadFile."""
    text = path.read_bytes().decode("utf-8-sig")
    found: list[str] = []
    for delimiter in ",;":
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        columns = list(rows.fieldnames or ())
        if set(columns) >= NEEDED:
            return rows
        found = max(found, columns, key=len)
    raise BadFile(
        f"{path} has to have the columns Student and ID, and has {listed(found) or 'none'}: "
        "export the gradebook from Canvas."
    )


def identity(roster: Roster, student: str) -> dict[str, str]:
    """Canvas's first columns for a student; of one that it has not, or twice, the name."""
    rows = roster.get(folded(student), [])
    if len(rows) == 1:
        return rows[0]
    said = {"Student"} if rows else {"Student", "SIS Login ID"}
    return {name: student if name in said else "" for name in CANVAS}


def user_id(roster: Roster, student: str) -> str:
    """LTI's name for a student: Canvas's id, and without one the student's; blank where it could be another's."""
    rows = roster.get(folded(student), [])
    return "" if len(rows) > 1 else identity(roster, student)["ID"] or student


def _doubts(book: Gradebook, roster: Roster) -> Iterable[str]:
    """Whom the roster has not, and whom it has twice."""
    rows = {line.student: len(roster.get(folded(line.student), [])) for line in book.lines}
    unknown = [student for student, count in rows.items() if not count]
    twice = [student for student, count in rows.items() if count > 1]
    if unknown:
        yield f"Canvas's export has nobody called {listed(unknown)}, who are without its ids."
    if twice:
        yield (
            f"Canvas's export has more than one student for {listed(twice)}, whose ids are left blank: call the "
            "folder or archive by an id that only one of them has."
        )


def _csv(rows: list[list[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([safe(value) for value in row] for row in rows)
    return text.getvalue()
