"""Every exercise has all its parts, and nothing is left over."""

import datetime
import re
from pathlib import Path

import pytest
import yaml

from course.catalog import Exercise, exercises, root

LEAST_WRONG, LEAST_RIGHT, HINTS = 8, 3, 3
SUBMISSIONS = sorted((root() / "tests/submissions").rglob("*.py"))
IDS = [exercise.id for exercise in exercises()]
LESSONS = sorted((root() / "lessons").glob("*/index.md"))
LEVELS = ("foundations", "advanced")
FENCES = {"python", "exercise", "predict", "console", "sql", "json", "text"}


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
    for kind, least in (("wrong", LEAST_WRONG), ("right", LEAST_RIGHT)):
        assert len(exercise.submissions(kind)) >= least, f"{exercise_id} needs {least} {kind} answers."


@pytest.mark.parametrize("exercise_id", IDS)
def test_a_lesson_gives_three_hints(exercise_id: str):
    lesson = (root() / "lessons" / Exercise(exercise_id).topic / "index.md").read_text("utf-8")
    fence = lesson.partition(f"```exercise\n{exercise_id}\n")[2].partition("```\n")[0]
    assert fence, f"The lesson has no fence for {exercise_id}."
    assert len(re.findall("^- ", fence, re.M)) >= HINTS, (
        f"Lines with `- ` in the fence are hints: {HINTS} of them."
    )


def test_no_submission_belongs_to_no_exercise():
    found = {path.parent.relative_to(root() / "tests/submissions").as_posix() for path in SUBMISSIONS}
    assert found == {f"{exercise_id}/{kind}" for exercise_id in IDS for kind in ("right", "wrong")}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.parent.name)
def test_a_lesson_says_what_it_asks_of_its_reader(lesson: Path):
    """In its second block; the first is for Jupyter."""
    blocks = lesson.read_text("utf-8").split("---\n")
    assert len(blocks) > 4, "Before the text a lesson has two blocks between lines of three dashes."
    facts = yaml.safe_load(blocks[3])
    assert isinstance(facts, dict), "The second block of a lesson has its level, minutes, requires …"
    assert facts.get("level") in LEVELS, f"The level is one of {LEVELS}."
    assert isinstance(facts.get("minutes"), int), "The minutes are a number."
    assert isinstance(facts.get("published"), datetime.date), "The lesson was published on a day, like 2026-11-24."
    assert facts.get("tags"), "A lesson has tags."
    earlier = [path.parent.name for path in LESSONS if path < lesson]
    unknown = [name for name in facts.get("requires", []) if name not in earlier]
    assert unknown == [], f"A lesson requires those before it: {', '.join(earlier)}."


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.parent.name)
def test_a_lesson_has_no_fence_of_an_unknown_kind(lesson: Path):
    kinds = re.findall(r"^ *```(\w[^\n]*)", lesson.read_text("utf-8"), re.M)
    assert [kind for kind in kinds if kind not in FENCES] == [], f"Known are {', '.join(sorted(FENCES))}."
