"""Bad input gets a problem with its line and what to do, and no schedule is tried in vain."""

import json

import pytest

from course import browser
from course.catalog import exercise
from course.grading import GraderError, grade
from course.pytest_plugin import Manner
from course.report import load
from unreliable import Program

EXERCISE = exercise("03-idempotency/dedup_consumer")
LOOP = """
async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
"""
BAD = {
    "a syntax error": ("async def consume(consumer, db)\n    pass\n", "syntax", 1),
    "a missing function": ("async def konsume(consumer, db):\n    pass\n", "missing", None),
    "a wrong signature": ("async def consume(consumer):\n    pass\n", "signature", 1),
    "no async": ("def consume(consumer, db):\n    pass\n", "signature", 1),
    "a forbidden import": (f"import socket\n{LOOP}", "refused", 1),
    "an endless loop": (f"{LOOP}        while True:\n            pass\n", "endless", 7),
    "an endless loop at import": (f"while True:\n    pass\n{LOOP}", "endless", 1),
    "much output": (f"{LOOP}        print('x' * 10_000_000)\n", "output", 7),
    "an exit": (f"import sys\n{LOOP}        sys.exit()\n", "exit", 8),
    "a deep recursion": (f"def f():\n    f()\n{LOOP}        f()\n", "crashed", 2),
    "no memory": (f"{LOOP}        raise MemoryError\n", "memory", 7),
    "a sleep of no time": (
        "async def consume(clock):\n    while True:\n        await clock.sleep(0)\n",
        "signature",
        1,
    ),
    "sleeping for ever": (
        "async def consume(consumer, db, clock):\n    while True:\n        await clock.sleep(0)\n",
        "endless",
        3,
    ),
    "a wrong key": (f"{LOOP}        {{}}['id']\n", "crashed", 7),
}


@pytest.mark.parametrize(("source", "kind", "line"), BAD.values(), ids=BAD)
def test_bad_input_is_a_problem_with_its_line_and_advice(source: str, kind: str, line: int | None):
    results = grade(EXERCISE, Program(source))
    assert results.problem is not None
    assert (results.problem.kind, results.problem.line) == (kind, line)
    assert results.problem.message
    assert results.problem.advice
    assert not results.passed
    assert results.tests


@pytest.mark.parametrize(("source", "kind", "line"), BAD.values(), ids=BAD)
def test_the_page_gets_it_as_json(source: str, kind: str, line: int | None):
    told: list[str] = []
    checked = json.loads(browser.check(EXERCISE.id, source, told.append))
    ran = json.loads(browser.run(EXERCISE.id, source))
    assert (checked["problem"]["kind"], checked["problem"]["line"]) == (kind, line)
    assert (ran["problem"]["kind"], ran["problem"]["line"]) == (kind, line)
    assert [json.loads(one)["index"] for one in told] == list(range(len(checked["tests"])))


def test_what_was_printed_is_kept_up_to_its_limit():
    results = grade(EXERCISE, Program(f"{LOOP}        print('x' * 10_000_000)\n"))
    assert len(results.output) == 64 * 1024
    assert grade(EXERCISE, Program(f"{LOOP}        print(message.offset())\n")).output == "0\n1\n0\n"


def test_a_test_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(GraderError, match=r"called no_such_test\. There are: .*test_a_crash_at_every_await"):
        grade(EXERCISE, load(EXERCISE.starter), Manner(only="no_such_test"))


def test_what_dies_again_and_again_is_told_with_its_exception_and_a_story():
    works = "        await db.execute('UPDATE accounts SET balance = balance + 1')"
    died = f"{LOOP}{works}\n        raise RuntimeError('no')\n"
    results = grade(EXERCISE, Program(died))
    assert results.problem is not None
    assert results.problem.line == 8
    assert "still dies and restarts. RuntimeError: no" in results.problem.message
    first, *others = results.tests
    assert "dies of an exception" in first.told
    assert first.story is not None
    assert len(first.story["told"]) < 30
    assert not any(test.story for test in others)
