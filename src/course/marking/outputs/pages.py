"""HTML: a report for each student with the failing stories, and one for the class."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from course.marking.gradebook import EXTRA, Gradebook, Line, Marks, all_tests, tests_in
from course.marking.intake import Student
from course.marking.marker import GRADER_ERROR, REFUSED
from course.marking.outputs import folder_of, title_of, write_text
from course.marking.store import Mark
from unreliable import diagram
from unreliable.diagram.escaping import markup
from unreliable.trace import Event

MOST_BARS = 12  # more different scores than these are shown by tenths
NO_STORY: dict[str, Any] = {"svg": "", "told": [], "events": []}
SIGNS = {"passed": "✓", "failed": "✗"}
STYLE = """
table{border-collapse:collapse}.scrolled{overflow-x:auto}
.bars td,.bars th{padding:.1rem .75rem .1rem 0;text-align:left;font-weight:400}
.bars th{min-width:8rem;overflow-wrap:anywhere}.bars meter{width:min(18rem,30vw);vertical-align:middle}
.students{font-size:.875rem}
.students td,.students th{padding:.2rem .75rem .2rem 0;text-align:left;vertical-align:top}
.students thead th{border-bottom:1px solid var(--line)}.students td{white-space:nowrap}
.number{text-align:right!important;font-variant-numeric:tabular-nums}
.tests{list-style:none;padding:0}.tests li{padding-left:1.5em;text-indent:-1.5em}a{color:inherit}
"""


def write_student(line: Line, marks: Marks, out: Path, show: str, student: Student) -> None:
    write_text(folder_of(out, line.student) / "report.html", student_page(line, marks, show, student))


def write(book: Gradebook, out: Path) -> None:
    write_text(out / "class.html", class_page(book, out))


# A student's page


def student_page(line: Line, marks: Marks, show: str, student: Student) -> str:
    late = f" {line.days_late} days late." if line.days_late else ""
    sections = [diagram.section("Mark", f"{_told(line.score)} of {line.most:g} points.{late}")]
    sections += [_section("Not accepted or not read", _listed(line.refusals))] if line.refusals else []
    for entry, mark in marks:
        what = f"{entry.exercise}: {_told(entry.score)} of {entry.most:g}"
        message = entry.message if show != "marks" or entry.key is None else None
        told = _told_outcome(entry.outcome, message, mark)
        if mark is None or show == "marks":
            sections.append(diagram.section(what, told))
        else:
            tests = _listed((_told_test(name, test) for name, test in all_tests(mark)), "tests")
            sections.append(_section(what, f'<p class="finding">{markup(told)}</p>\n{tests}'))
            sections += _stories(mark, show, student.found[entry.exercise].source)
    return diagram.page(line.student, *sections, style=STYLE)


def _told_outcome(outcome: str, message: str | None, mark: Mark | None) -> str:
    """The outcome; its message only where a public test gave it."""
    telling = {"error"} if outcome == GRADER_ERROR else {"failed", "error"}
    public = mark is None or any(test["outcome"] in telling for test in tests_in(mark["results"]))
    return f"{outcome.capitalize()}. {message}" if message and public else f"{outcome.capitalize()}."


def _told_test(name: str, test: dict[str, Any]) -> str:
    return f"{SIGNS.get(test['outcome'], '?')} {title_of(name, test)}"


def _stories(mark: Mark, show: str, source: str) -> Iterator[str]:
    for name, test in all_tests(mark):
        if test["outcome"] != "passed" and not name.startswith(EXTRA):
            said = f"{test['anomaly'] or test['outcome']}: {test['sentence']}"
            story: dict[str, Any] = (test["story"] if show == "story" else None) or NO_STORY
            events = [Event(**story["events"][index]) for index in story["told"]]
            yield diagram.drawn(f"✗ {test['title']}", said, story["svg"], events, source)


# The page of the class


def class_page(book: Gradebook, out: Path) -> str:
    """Distribution, outcomes and misconceptions."""
    walls = ", then ".join(", ".join(walls) or "none" for walls in sorted(book.walls)) or "none was needed"
    students = f"{len(book.lines):,} student{'s' * (len(book.lines) != 1)}"
    sections = [diagram.section(students, f"Walls in force: {walls}. Fault budget {book.terms.budget}.")]
    if len(book.exercises) > 1:
        total = _scores([line.score for line in book.lines], [line.most for line in book.lines])
        sections.append(_section("All exercises", total))
    sections += [_exercise(book, number) for number in range(len(book.exercises))]
    refused = list(_refused(book))
    sections += [_section("Not accepted or not read", _listed(refused))] if refused else []
    if book.unsampled:
        sections.append(
            _section(
                "Random schedules break the solution, too, and were left out", _listed(sorted(book.unsampled))
            )
        )
    sections.append(_section("Students", _students(book, out)))
    return diagram.page("The class", *sections, style=STYLE)


def _exercise(book: Gradebook, number: int) -> str:
    entries = [line.entries[number] for line in book.lines]
    outcomes = Counter(entry.outcome for entry in entries)
    names = Counter(name.replace("_", " ") for entry in entries for name in entry.misconceptions)
    scores = _scores([entry.score for entry in entries], [entry.most for entry in entries])
    outcome = _bars("Outcomes", outcomes.most_common(), len(entries))
    alike = _bars("Fails like a program that …", names.most_common(), len(entries))
    return _section(book.exercises[number], scores + outcome + alike)


def _scores(scores: list[float | None], most: list[float]) -> str:
    """How the points are distributed; by tenths of what there was to have if there are too many of them."""
    known = [score for score in scores if score is not None]
    if not known:
        return ""
    counted: Counter[float] = Counter(known)
    bars = [(_told(score), count) for score, count in sorted(counted.items())]
    if len(bars) > MOST_BARS:
        top = max(most)
        tenths = Counter(min(9, int(10 * score / top)) for score in known)
        bars = [(f"{top * tenth / 10:g} to {top * (tenth + 1) / 10:g}", tenths[tenth]) for tenth in range(10)]
    owed = len(scores) - len(known)
    return _bars(
        f"Points: half of the class has {median(known):g} or more of {max(most):g}",
        [*bars, *([("none yet", owed)] if owed else [])],
        len(scores),
    )


def _refused(book: Gradebook) -> Iterator[str]:
    for line in book.lines:
        yield from (f"{line.student}: {refusal}" for refusal in line.refusals)
        for entry in line.entries:
            if entry.outcome == REFUSED and entry.key is None and entry.message not in line.refusals:
                yield f"{line.student}, {entry.exercise}: {entry.message}"
    yield from book.ignored


def _students(book: Gradebook, out: Path) -> str:
    names = "".join(f"<th>{markup(exercise.partition('/')[2])}</th>" for exercise in book.exercises)
    rows: list[str] = []
    for line in book.lines:
        report = (folder_of(out, line.student) / "report.html").relative_to(out).as_posix()
        cells = "".join(f"<td>{_told(entry.score)} {markup(entry.outcome)}</td>" for entry in line.entries)
        rows.append(
            f'<tr><th><a href="{markup(report)}">{markup(line.student)}</a></th>'
            f'<td class="number">{_told(line.score)} of {line.most:g}</td>{cells}</tr>\n'
        )
    head = f'<tr><th>student</th><th class="number">points</th>{names}</tr>'
    table = f'<table class="students">\n<thead>{head}</thead>\n<tbody>\n{"".join(rows)}</tbody></table>'
    return f'<div class="scrolled" tabindex="0">{table}</div>\n'


# Their parts


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{markup(heading)}</h2>\n{content}</section>\n"


def _listed(items: Iterable[str], kind: str = "") -> str:
    of_kind = f' class="{kind}"' if kind else ""
    return f"<ul{of_kind}>\n{''.join(f'<li>{markup(item)}</li>\n' for item in items)}</ul>\n"


def _bars(title: str, counts: list[tuple[str, int]], of: int) -> str:
    if not counts:
        return ""
    rows = "".join(
        f'<tr><th>{markup(name)}</th><td class="number">{count:,}</td>'
        f'<td><meter min="0" max="{of}" value="{count}">{count} of {of}</meter></td></tr>\n'
        for name, count in counts
    )
    return f'<h3>{markup(title)}</h3>\n<table class="bars"><tbody>\n{rows}</tbody></table>\n'


def _told(score: float | None) -> str:
    return "none" if score is None else f"{score:g}"
