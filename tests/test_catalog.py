"""Every exercise has all its parts, and nothing is left over."""

import pytest

from course.catalog import Exercise, exercises, root

LEAST_WRONG, LEAST_RIGHT, HINTS = 8, 3, 3
SUBMISSIONS = sorted((root() / "tests/submissions").rglob("*.py"))
IDS = [exercise.id for exercise in exercises()]


def test_there_are_exercises():
    assert "03-idempotency/dedup_consumer" in IDS


@pytest.mark.parametrize("exercise_id", IDS)
def test_an_exercise_has_a_solution_a_grader_and_a_lesson(exercise_id: str):
    exercise = Exercise(exercise_id)
    lesson = root() / "lessons" / exercise.topic / "index.md"
    assert [path for path in (exercise.solution, exercise.grader, lesson) if not path.is_file()] == []
    assert exercise_id in lesson.read_text("utf-8")


@pytest.mark.parametrize("folder", ["solutions", "tests/graders"])
def test_nothing_is_left_over(folder: str):
    found = {f"{path.parent.name}/{path.stem.removeprefix('test_')}" for path in (root() / folder).glob("*/*.py")}
    assert found == set(IDS)


@pytest.mark.parametrize("exercise_id", IDS)
def test_an_exercise_has_wrong_and_right_answers(exercise_id: str):
    exercise = Exercise(exercise_id)
    assert len(exercise.submissions("wrong")) >= LEAST_WRONG
    assert len(exercise.submissions("right")) >= LEAST_RIGHT


@pytest.mark.parametrize("exercise_id", IDS)
def test_a_lesson_gives_three_hints(exercise_id: str):
    lesson = (root() / "lessons" / Exercise(exercise_id).topic / "index.md").read_text("utf-8")
    fence = lesson.partition(f"```exercise\n{exercise_id}\n")[2].partition("```\n")[0]
    assert fence.count("- ") >= HINTS


def test_no_submission_belongs_to_no_exercise():
    found = {path.parent.relative_to(root() / "tests/submissions").as_posix() for path in SUBMISSIONS}
    assert found == {f"{exercise_id}/{kind}" for exercise_id in IDS for kind in ("right", "wrong")}
