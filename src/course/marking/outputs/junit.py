"""junit.xml: a suite for each student and exercise, for continuous integration."""

from pathlib import Path
from xml.etree import ElementTree

from course.marking.gradebook import EXTRA, Entry, Gradebook, all_tests
from course.marking.marker import GRADER_ERROR
from course.marking.outputs import write_text
from course.marking.store import Mark

XML_TEXT = frozenset("\t\n")


def write(book: Gradebook, out: Path, show_private: bool = False) -> None:
    suites = ElementTree.Element("testsuites", name="course grade")
    for line in book.lines:
        for entry, mark in book.marks(line):
            _suite(suites, line.student, entry, mark, show_private)
    ElementTree.indent(suites)
    text = ElementTree.tostring(suites, encoding="unicode", xml_declaration=True)
    write_text(out / "junit.xml", text + "\n")


def _suite(suites: ElementTree.Element, student: str, entry: Entry, mark: Mark | None, private: bool) -> None:
    suite = ElementTree.SubElement(suites, "testsuite", name=clean(f"{student}: {entry.exercise}"))
    counts = {"failure": 0, "error": 0}
    cases = [(name, test) for name, test in (all_tests(mark) if mark else ())]
    for name, test in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=entry.exercise, name=name)
        if test["outcome"] != "passed":
            kind = "failure" if test["outcome"] == "failed" else "error"
            counts[kind] += 1
            told = "" if name.startswith(EXTRA) and not private else f"{test['sentence']}"
            ElementTree.SubElement(case, kind, message=clean(test["anomaly"] or kind)).text = clean(told)
    if not cases:
        case = ElementTree.SubElement(suite, "testcase", classname=entry.exercise, name=entry.outcome)
        kind = "error" if entry.outcome == GRADER_ERROR else "failure"
        counts[kind] += 1
        ElementTree.SubElement(case, kind, message=clean(entry.outcome)).text = clean(entry.message or "")
    suite.set("tests", str(max(1, len(cases))))
    suite.set("failures", str(counts["failure"]))
    suite.set("errors", str(counts["error"]))


def clean(text: str) -> str:
    """What XML can hold of a text."""
    return "".join(c if c.isprintable() or c in XML_TEXT else "\ufffd" for c in text)
