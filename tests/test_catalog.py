"""Every exercise has all its parts, and nothing is left over."""

import pytest

from course.catalog import Exercise, exercises, root

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
