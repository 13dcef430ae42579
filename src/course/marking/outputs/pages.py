"""HTML: a report for each student with the failing stories, and one for the class."""

from collections import Counter
from pathlib import Path
from typing import Any

from course.marking.gradebook import EXTRA, Gradebook, Line, Marks, all_tests, tests_in
from course.marking.intake import Student
from course.marking.outputs import folder_of, write_text
from course.marking.store import Mark
from unreliable import diagram
from unreliable.diagram.escaping import markup
from unreliable.trace import Event


def write_student(line: Line, marks: Marks, out: Path, show: str, student: Student) -> None:
    write_text(folder_of(out, line.student) / "report.html", student_page(line, marks, show, student))


def write(book: Gradebook, out: Path) -> None:
    write_text(out / "class.html", class_page(book))


def student_page(line: Line, marks: Marks, show: str, student: Student) -> str:
    late = f" {line.days_late} days late." if line.days_late else ""
    sections = [diagram.section("Mark", f"{_told(line.score)} of {line.most:g} points.{late}")]
    sections += [diagram.section("Not accepted", refusal) for refusal in line.refusals]
    for entry, mark in marks:
        what = f"{entry.exercise}: {_told(entry.score)} of {entry.most:g}"
        message = entry.message if show != "marks" or entry.key is None else None
        sections.append(diagram.section(what, _told_outcome(entry.outcome, message, mark)))
        if mark is not None and show != "marks":
            sections += _tests(mark, show, student.found[entry.exercise].source)
    return diagram.page(line.student, *sections)


def _told_outcome(outcome: str, message: str | None, mark: Mark | None) -> str:
    """The outcome; its message only where a public test gave it."""
    public = mark is None or any(test["outcome"] != "passed" for test in tests_in(mark["results"]))
    return f"{outcome}. {message}" if message and public else f"{outcome}."


def _tests(mark: Mark, show: str, source: str) -> list[str]:
    sections: list[str] = []
    for name, test in all_tests(mark):
        if name.startswith(EXTRA):
            sections.append(diagram.section("A test of the instructor's", f"{test['outcome']}."))
        elif test["outcome"] == "passed":
            sections.append(diagram.section(f"✓ {test['title']}", "passed."))
        else:
            said = f"{test['anomaly'] or test['outcome']}: {test['sentence']}"
            story: dict[str, Any] = (test["story"] if show == "story" else None) or {"svg": "", "events": []}
            events = [Event(**event) for event in story["events"]]
            sections.append(diagram.drawn(f"✗ {test['title']}", said, story["svg"], events, source))
    return sections


def class_page(book: Gradebook) -> str:
    """Distribution, outcomes and misconceptions."""
    walls = ", then ".join(", ".join(walls) or "none" for walls in sorted(book.walls)) or "none was needed"
    sections = [
        diagram.section(
            f"{len(book.lines):,} students", f"Walls in force: {walls}. Fault budget {book.terms.budget}."
        )
    ]
    for number, exercise in enumerate(book.exercises):
        entries = [line.entries[number] for line in book.lines]
        scores = Counter(_told(entry.score) for entry in entries)
        outcomes = Counter(entry.outcome for entry in entries)
        names = Counter(name for entry in entries for name in entry.misconceptions)
        sections.append(f"<section><h2>{markup(exercise)}</h2>")
        sections.append(_bars("Points", dict(sorted(scores.items(), key=_by_number)), len(entries)))
        sections.append(_bars("Outcomes", dict(outcomes.most_common()), len(entries)))
        spoken = {name.replace("_", " "): count for name, count in names.most_common()}
        sections.append(_bars("Fails like a program that …", spoken, len(entries)) + "</section>")
    problems = [f"{line.student}: {refusal}" for line in book.lines for refusal in line.refusals] + book.ignored
    sections += [diagram.section("Not accepted", problem) for problem in problems]
    sections.append(_students(book))
    return diagram.page("The class", *sections)


def _bars(title: str, counts: dict[str, int], of: int) -> str:
    if not counts:
        return ""
    rows = "".join(
        f'<tr><td>{markup(name)}</td><td style="text-align:right">{count:,}</td>'
        f'<td><meter min="0" max="{of}" value="{count}">{count} of {of}</meter></td></tr>\n'
        for name, count in counts.items()
    )
    return f"<h3>{markup(title)}</h3>\n<table><tbody>\n{rows}</tbody></table>\n"


def _students(book: Gradebook) -> str:
    rows = "".join(
        f"<tr><td>{markup(line.student)}</td><td>{_told(line.score)}</td><td>{line.most:g}</td><td>"
        f"{markup('; '.join(entry.outcome for entry in line.entries))}</td></tr>\n"
        for line in book.lines
    )
    return f"<section><h2>Students</h2>\n<table><tbody>\n{rows}</tbody></table></section>\n"


def _by_number(item: tuple[str, int]) -> float:
    return float(item[0]) if item[0] != "none" else -1.0


def _told(score: float | None) -> str:
    return "none" if score is None else f"{score:g}"
