"""junit.xml: a suite for each student and exercise, for continuous integration."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

from course.marking.gradebook import EXTRA, Entry, Line, Marks, all_tests
from course.marking.marker import GRADER_ERROR
from course.marking.outputs import encoded
from course.marking.store import Mark, replaced

XML_TEXT = frozenset("\t\n")


@contextmanager
def opened(out: Path) -> Generator[Callable[[Line, Marks], None]]:
    """Adds one student after the other; the file takes its place when all are there."""
    with replaced(out / "junit.xml") as file:
        file.write(encoded('<?xml version="1.0" encoding="utf-8"?>\n<testsuites name="course grade">\n'))

        def add(line: Line, marks: Marks) -> None:
            for entry, mark in marks:
                suite = _suite(line.student, entry, mark)
                ElementTree.indent(suite)
                file.write(encoded(ElementTree.tostring(suite, encoding="unicode") + "\n"))

        yield add
        file.write(encoded("</testsuites>\n"))


def _suite(student: str, entry: Entry, mark: Mark | None) -> ElementTree.Element:
    suite = ElementTree.Element("testsuite", name=clean(f"{student}: {entry.exercise}"))
    counts = {"failure": 0, "error": 0}
    cases = list(all_tests(mark)) if mark else []
    for name, test in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=entry.exercise, name=name)
        if test["outcome"] != "passed":
            kind = "failure" if test["outcome"] == "failed" else "error"
            counts[kind] += 1
            said, told = (test["anomaly"], f"{test['sentence']}") if not name.startswith(EXTRA) else (None, "")
            ElementTree.SubElement(case, kind, message=clean(said or kind)).text = clean(told)
    if not cases:
        case = ElementTree.SubElement(suite, "testcase", classname=entry.exercise, name=entry.outcome)
        kind = "error" if entry.outcome == GRADER_ERROR else "failure"
        counts[kind] += 1
        ElementTree.SubElement(case, kind, message=clean(entry.outcome)).text = clean(entry.message or "")
    suite.set("tests", str(max(1, len(cases))))
    suite.set("failures", str(counts["failure"]))
    suite.set("errors", str(counts["error"]))
    return suite


def clean(text: str) -> str:
    """What XML can hold of a text."""
    return "".join(c if c.isprintable() or c in XML_TEXT else "\ufffd" for c in text)
