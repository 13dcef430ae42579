"""The command line.

`course check FILE` grades one file, `course grade SUBMISSIONS` marks a class, `course new ID` lays out an
exercise, `course lab` is real Kafka.
"""

import argparse
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

from course import catalog, grading, report, scaffold
from course.lab import LabError, commands
from course.marking import archive
from course.marking import command as marking
from course.pytest_plugin import BUDGET, Manner
from course.results import TestResult


def main(arguments: Sequence[str] | None = None) -> int:
    """0: passed; 1: failed; 2: it could not be tried."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may lack the letters of a name
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except BrokenPipeError:  # whoever read has seen enough, as with `| head`
        sys.stderr.close()
        return 2
    except (catalog.NotFound, grading.GraderError, scaffold.Refused, LabError, OSError) as error:
        print(f"course: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="course", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="COMMAND")
    check = actions.add_parser("check", help="grade a file under every schedule of its exercise")
    check.add_argument("file", type=Path, metavar="FILE")
    check.add_argument("--exercise", metavar="ID", help="the exercise, if the file's name does not tell")
    check.add_argument("--faults", type=_faults, default=BUDGET, metavar="N", help="fault budget (default 2)")
    check.add_argument("--replay", metavar="TOKEN", help="run one schedule, as a failed test names it")
    check.add_argument("--html", type=Path, metavar="FILE", help="write the failing story as a page, too")
    check.set_defaults(command=_check)
    new = actions.add_parser("new", help="lay out the files of a new exercise")
    new.add_argument("id", metavar="NN-topic/name")
    new.set_defaults(command=_new)
    marking.add(actions)
    archive.add(actions)
    commands.add(actions)
    return parser


def _check(options: argparse.Namespace) -> int:
    path: Path = options.file
    program = report.load(path)
    exercise = catalog.exercise(options.exercise) if options.exercise else catalog.exercise_of(path)
    results = grading.grade(exercise, program, Manner(options.faults, options.replay), _progress)
    print(report.text(results, path))
    if options.html is not None:
        options.html.write_text(report.html(results, program), encoding="utf-8")
        print(f"The story is in {options.html}.")
    return 0 if results.passed else 1


def _progress(test: str, index: int, of: int, _ended: TestResult | None) -> None:
    """One line on a terminal that is written over; nothing where nobody looks."""
    if sys.stderr.isatty():
        ending = "\r" if index + 1 < of else "\r\033[K"
        print(f"\033[K{index + 1}/{of} {test}", end=ending, file=sys.stderr, flush=True)


def _faults(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of faults: give 0, 1, 2 …")
    return int(text)


def _new(options: argparse.Namespace) -> int:
    for path in scaffold.lay_out(options.id):
        print(path)
    print("CONTRIBUTING.md says, part by part, what goes there, and how the lesson shows it.")
    return 0
