"""Results for people: text for a terminal, a page for a browser."""

from pathlib import Path

from course.catalog import NotFound
from course.results import Results
from unreliable import Program, diagram

_MARKS = {"passed": "✓", "failed": "✗", "error": "!"}


def load(path: Path) -> Program:
    """The program in a file; raises NotFound with what is wrong with the file."""
    if not path.is_file():
        raise NotFound(f"There is no file {path}.")
    try:
        return Program(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        raise NotFound(f"{path} is not UTF-8 text: {error}.") from None


def text(results: Results, path: Path) -> str:
    """Each test with its verdict, and the story of the first that failed."""
    lines = [results.exercise]
    for test in results.tests:
        counted = ""
        if test.schedules:
            counted = f"  ({test.schedules['run']:,} schedules run, {test.schedules['covered']:,} covered)"
        lines.append(f"  {_MARKS[test.outcome]} {test.title}{counted}")
        if test.outcome != "passed" and test.problem is None:
            lines.append(f"      {test.anomaly or 'error'}: {test.sentence}")
            lines += [f"      course check {path} --replay {test.token}"] if test.token else []
    if results.problem is not None:
        lines += ["", f"{path}: {results.problem}"]
    told = next((test.told for test in results.tests if test.told), "")
    return "\n".join([*lines, *(["", told] if told else [])])


def html(results: Results, program: Program) -> str:
    """The failing stories as one page that needs nothing else."""
    failed = [test for test in results.tests if test.outcome != "passed"]
    sections = [
        diagram.section(
            test.title,
            f"{test.anomaly or test.outcome}: {test.sentence}",
            test.trace,
            program.source,
            test.events,
        )
        for test in failed
    ] or [diagram.section("All tests passed", "No schedule was found that breaks the program.")]
    return diagram.page(results.exercise, *sections)
