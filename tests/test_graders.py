"""Starters fail, solutions pass under every schedule, and a failure's token replays to the same end."""

import ast
from pathlib import Path

import pytest

from course.catalog import Exercise, exercises
from course.grading import grade
from course.pytest_plugin import Manner
from course.report import load
from unreliable import Schedule
from unreliable.abridge import MOST

IDS = [exercise.id for exercise in exercises()]


@pytest.mark.parametrize("exercise_id", IDS)
def test_the_starter_fails_with_a_story(exercise_id: str):
    exercise = Exercise(exercise_id)
    results = grade(exercise, load(exercise.starter))
    failed = [test for test in results.tests if test.outcome != "passed"]
    assert failed, f"The starter of {exercise_id} passes every test."
    assert all(test.outcome == "failed" and test.anomaly and test.token and test.story for test in failed)
    unreadable = [test.sentence for test in failed if test.anomaly == "unreadable state"]
    assert unreadable == [], f"The grader of {exercise_id} cannot judge its own starter."


@pytest.mark.parametrize("exercise_id", IDS)
def test_each_test_of_a_grader_has_a_title(exercise_id: str):
    tree = ast.parse(Exercise(exercise_id).grader.read_text("utf-8"))
    tests = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
    without = [test.name for test in tests if not ast.get_docstring(test)]
    assert without == [], "The first line of a test's docstring is what a learner reads."


@pytest.mark.parametrize("exercise_id", IDS)
def test_the_solution_passes_and_no_schedule_is_left(exercise_id: str):
    exercise = Exercise(exercise_id)
    results = grade(exercise, load(exercise.solution))
    assert [(test.name, test.sentence) for test in results.tests if test.outcome != "passed"] == []
    assert all(test.schedules and test.schedules["exhausted"] for test in results.tests)


@pytest.mark.parametrize("exercise_id", IDS)
def test_a_token_replays_the_same_trace(exercise_id: str):
    exercise = Exercise(exercise_id)
    results = grade(exercise, load(exercise.starter))
    first = next(test for test in results.tests if test.trace is not None)
    again = grade(exercise, load(exercise.starter), Manner(token=first.token))
    assert first.trace is not None
    assert [test.trace.fingerprint for test in again.tests if test.trace] == [first.trace.fingerprint]


SUBMISSIONS = [(exercise.id, path) for exercise in exercises() for path in exercise.submissions("right")]
MISTAKES = [(exercise.id, path) for exercise in exercises() for path in exercise.submissions("wrong")]


@pytest.mark.parametrize(("exercise_id", "path"), SUBMISSIONS, ids=lambda value: getattr(value, "stem", None))
def test_another_way_to_be_right_passes(exercise_id: str, path: Path):
    results = grade(Exercise(exercise_id), load(path))
    assert [(test.name, test.sentence) for test in results.tests if test.outcome != "passed"] == []


@pytest.mark.parametrize(("exercise_id", "path"), MISTAKES, ids=lambda value: getattr(value, "stem", None))
def test_a_wrong_submission_fails_first_where_it_says_with_a_short_story(exercise_id: str, path: Path):
    named = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").rpartition("Fails: ")[2]
    results = grade(Exercise(exercise_id), load(path))
    failed = [test for test in results.tests if test.outcome == "failed"]
    assert failed, f"{path.name} passes every test: it is right, or the grader has a gap."
    first = failed[0]
    assert first.name == named, f"The last line of the docstring of {path.name} has to be `Fails: {first.name}`."
    assert first.anomaly != "unreadable state", first.sentence
    assert len(first.events) <= MOST
    schedule = (first.token or "").partition(":")[2]
    assert not schedule or len(Schedule.parse(schedule)) <= 2
