"""`course grade SUBMISSIONS --out DIR`: marks a class."""

import argparse
import itertools
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course import catalog
from course.marking import crew, intake
from course.marking.gradebook import MISSING, Gradebook, Misconceptions, tests_of
from course.marking.marker import GRADER_ERROR, REFUSED, Terms, Unit, grader_error
from course.marking.outputs import SHOW, VISIBILITIES, View, junit, pages, platforms, results, tables
from course.marking.points import BadFile, load_lateness, load_points
from course.marking.store import InUse, Mark, Store, alone
from course.sandbox.jail import WALLS, Jail, NoSandbox

MOST_CHANGES = 20  # told on the terminal; regrade.csv has them all


def add(actions: Any) -> None:
    """Adds `course grade` to the command line."""
    parser: argparse.ArgumentParser = actions.add_parser("grade", help="mark a class's submissions")
    parser.add_argument("submissions", type=Path, metavar="SUBMISSIONS", help="a folder or zip for each student")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where marks and reports go")
    parser.add_argument("--student", metavar="NAME", help="SUBMISSIONS is this one student's folder")
    parser.add_argument("--exercise", action="append", metavar="ID", help="grade this one only (repeatable)")
    parser.add_argument("--budget", type=_count, default=2, metavar="N", help="fault budget (default 2)")
    parser.add_argument("--samples", type=_count, default=0, metavar="N", help="random schedules for each test")
    parser.add_argument("--withheld-seed", default="", metavar="TEXT", help="where these come from")
    parser.add_argument("--extra-tests", type=Path, metavar="DIR", help="your own graders, like tests/graders")
    parser.add_argument("--points", type=Path, metavar="FILE", help="what tests are worth (TOML)")
    parser.add_argument("--late", type=Path, metavar="FILE", help="when it was due and who was late (TOML)")
    parser.add_argument("--canvas-roster", type=Path, metavar="FILE", help="Canvas's export, for students' ids")
    parser.add_argument("--show", choices=SHOW, default="story", help="what students see (default: story)")
    parser.add_argument(
        "--private-visibility", choices=VISIBILITIES, default="after_published", help="of your own tests"
    )
    parser.add_argument("--require-sandbox", action="store_true", help="refuse to work with fewer walls")
    parser.add_argument("--time-limit", type=_count, default=120, metavar="S", help="of an exercise (default 120)")
    parser.add_argument("--jobs", type=_count, default=crew.cores(), metavar="N", help="default: all cores")
    parser.add_argument("--dask", metavar="ADDRESS", help="the scheduler of a Dask cluster that does the work")
    parser.add_argument(
        "--misconceptions",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="name the mistakes of the class",
    )
    parser.set_defaults(command=grade)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number: give 0, 1, 2 …")
    return int(text)


@dataclass
class _Class:
    """Who is graded in what."""

    roll: intake.Roll
    exercises: list[str]
    known: list[str]  # all that there are, whichever of them are graded
    terms: Terms

    def students(self) -> Iterator[intake.Student]:
        for name, places in self.roll.places.items():
            yield intake.read(name, places, self.exercises, self.known)

    def units(self) -> Iterator[Unit]:
        for student in self.students():
            for found in student.found.values():
                if found.refusal is None:
                    yield Unit(found.exercise, found.source, self.terms)


def grade(options: argparse.Namespace) -> int:
    """0: all are graded; 1: the grader failed on some; 2: it could not begin, or not go on; 130: interrupted."""
    try:
        graded, book = _prepare(options)
        with alone(options.out):
            earlier = results.before(options.out)
            failures = _mark_all(graded, book.store, options)
            _write(graded, book, failures, earlier, options)
    except (BadFile, InUse, NoSandbox, crew.NoCluster) as error:
        print(f"course: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. What is marked is kept: the same command goes on where it was.", file=sys.stderr)
        return 130
    return _report(book, earlier, options.out)


def _prepare(options: argparse.Namespace) -> tuple[_Class, Gradebook]:
    extra: Path | None = options.extra_tests.resolve() if options.extra_tests else None
    if extra is not None and not extra.is_dir():
        raise BadFile(f"There is no folder {extra}.")
    terms = Terms(
        options.budget, options.samples, options.withheld_seed, extra, options.require_sandbox, options.time_limit
    )
    if options.out.resolve() == options.submissions.resolve():
        raise BadFile(f"{options.out} has the submissions: give --out another folder.")
    known = intake.known_exercises(extra)
    exercises = list(dict.fromkeys(options.exercise or known))
    for exercise in exercises:
        if not Unit(exercise, "", terms).graders:
            catalog.exercise(exercise)
        tests_of(exercise, extra)
    graded = _Class(intake.roll(options.submissions, options.student, options.out), exercises, known, terms)
    _look_at_the_walls(options.require_sandbox)
    tables.read_roster(options.canvas_roster)
    options.out.mkdir(parents=True, exist_ok=True)
    book = Gradebook(
        terms,
        exercises,
        Store(options.out / "marks"),
        load_points(options.points, known),
        load_lateness(options.late),
        ignored=graded.roll.ignored,
    )
    return graded, book


def _look_at_the_walls(required: bool) -> None:
    with Jail(strict=required) as jail:
        missing = [wall for wall in WALLS if wall not in jail.walls]
    if missing:
        print(
            f"Warning: no {' and no '.join(missing)} on this machine: submissions may reach the files and the "
            "network of whoever runs this. See docs/sandbox.md, or use --require-sandbox.",
            file=sys.stderr,
        )


def _mark_all(graded: _Class, store: Store, options: argparse.Namespace) -> Misconceptions:
    """Marks what has no mark yet; each is durable before it is counted."""
    failures = Misconceptions()
    wrong = list(_wrong(graded)) if options.misconceptions else []
    units = itertools.chain((unit for _, unit in wrong), graded.units())
    pending = _pending(units, store)
    marked = crew.on_dask(pending, options.dask) if options.dask else crew.on_processes(pending, options.jobs or 1)
    for unit, found in _with_progress(marked, _total(graded) + len(wrong)):
        mark = found
        if found["key"] != unit.key:
            mark = grader_error(
                unit, "A worker has another version of the course or of your tests: renew it, and start it again."
            )
        if mark["outcome"] == GRADER_ERROR:
            failures.unkept[unit.key] = mark
        else:
            store.put(mark)
    for name, unit in wrong:
        mark = store.get(unit.key)
        if mark is not None:
            failures.learn(name, mark)
    return failures


def _pending(units: Iterable[Unit], store: Store) -> Iterator[Unit]:
    """Those without a mark, each once: the same text of two students is marked once."""
    begun: set[str] = set()
    for unit in units:
        key = unit.key
        if key in begun:
            continue
        begun.add(key)
        mark = store.get(key)
        if mark is None or _has_to_be_replaced(mark, unit):
            yield unit


def _has_to_be_replaced(mark: Mark, unit: Unit) -> bool:
    """Whether it was made behind too few walls, or in less time than there is now."""
    terms = unit.terms
    if terms.require_sandbox and not unit.trusted and set(mark["walls"]) != set(WALLS):
        return True
    return mark["ran_out_after_s"] is not None and mark["ran_out_after_s"] < terms.time_limit_s


def _wrong(graded: _Class) -> Iterator[tuple[str, Unit]]:
    """The course's wrong submissions, whose failures have names."""
    for exercise in graded.exercises:
        for path in catalog.Exercise(exercise).submissions("wrong"):
            yield path.stem, Unit(exercise, path.read_text("utf-8"), graded.terms, trusted=True)


def _total(graded: _Class) -> int:
    return len(graded.roll.places) * len(graded.exercises)


def _with_progress(marked: crew.Marked, most: int) -> crew.Marked:
    """A bar with the rate and the time that is left, on a terminal; `most` is a bound on what there is to do."""
    from tqdm import tqdm  # noqa: PLC0415 not in the page, which imports this package's neighbours

    bar: Any = tqdm(total=most, unit="mark", smoothing=0.05, disable=None)
    with bar:
        for unit, mark in marked:
            yield unit, mark
            bar.update()


def _write(
    graded: _Class, book: Gradebook, failures: Misconceptions, earlier: results.Before, options: argparse.Namespace
) -> None:
    out, view = options.out, View(options.show, options.private_visibility)
    with results.opened(book, out) as add_results:  # in its place last: it says that this grading is finished
        with junit.opened(out) as add_suites:
            for student in graded.students():
                line, marks = book.add(student, failures)
                add_results(line, marks)
                add_suites(line, marks)
                platforms.write_student(book, line, marks, out, view)
                pages.write_student(line, marks, out, view.show, student)
        results.write_changes(book, earlier, out)
        tables.write(book, out)
        roster = tables.read_roster(options.canvas_roster)
        tables.write_canvas(book, out, roster)
        platforms.write(book, out, roster)
        pages.write(book, out)


def _report(book: Gradebook, earlier: results.Before, out: Path) -> int:
    for line in book.lines:
        for refusal in line.refusals:
            print(f"{line.student}: {refusal}")
        for entry in line.entries:
            said = entry.message in line.refusals
            if not said and (entry.outcome == GRADER_ERROR or (entry.outcome == REFUSED and entry.key is None)):
                print(f"{line.student}, {entry.exercise}: {entry.outcome}. {intake.shown(entry.message or '')}")
    for test in sorted(book.unsampled):
        print(f"{test}: random schedules break the solution, too, and were left out.")
    for number, exercise in enumerate(book.exercises):
        missing = sum(line.entries[number].outcome == MISSING for line in book.lines)
        if missing:
            print(f"{exercise}: {_students(missing)} handed in no file for it.")
    for ignored in book.ignored:
        print(ignored)
    changed = list(results.changes(book, earlier))
    for change in changed[:MOST_CHANGES]:
        print(change)
    if len(changed) > MOST_CHANGES:
        print(f"… and {len(changed) - MOST_CHANGES:,} more marks that changed: see regrade.csv.")
    errors = sum(line.score is None for line in book.lines)
    print(f"Marked: {_students(len(book.lines))}; {out / 'class.html'} shows how they did.")
    if errors:
        print(f"The grader failed on {errors:,} of them, who have no total: run the same command again.")
    return 1 if errors else 0


def _students(count: int) -> str:
    return f"{count:,} student{'s' * (count != 1)}"
