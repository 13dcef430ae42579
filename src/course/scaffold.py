"""`course new NN-topic/name`: the files of a new exercise, at the places that the catalog knows."""

import re
from pathlib import Path

from course.catalog import Exercise, root

_STARTER = '''"""Say what the learner's function has to achieve, and what may happen to it."""


async def {name}(consumer, db) -> None:
    # TODO: what the learner writes
    ...
'''
_GRADER = '''"""Say what is graded."""

from unreliable import Anomaly, Process, Scenario, World


def the_effect_happened(world: World) -> Anomaly | None:
    """Look at what lasts, and name what is wrong with it."""
    return Anomaly("stuck", "The grader says nothing yet.")


SCENARIO = Scenario(
    name="{name}",
    processes=(Process("consumer", "{name}", ("consumer", "db")),),
    check=the_effect_happened,
    topics=(("input", 1),),
)


def test_without_any_fault(verify):
    """Without any fault it works."""
    verify(SCENARIO)


def test_a_crash_at_every_await(verify):
    """It may die at each of its awaits, and starts again with nothing in memory."""
    verify(SCENARIO.with_faults("crash"))
'''


class Refused(Exception):
    """The exercise cannot be laid out; nothing was written."""


def lay_out(exercise_id: str) -> list[Path]:
    """Writes starter, solution, grader and the folders of submissions; raises Refused."""
    if not re.fullmatch(r"\d\d-[a-z0-9-]+/[a-z][a-z0-9_]*", exercise_id):
        raise Refused(
            f"{exercise_id!r} is no exercise id: write two digits, topic and name in lower case, like "
            "03-idempotency/dedup_twice."
        )
    exercise = Exercise(exercise_id)
    texts = {
        exercise.starter: _STARTER,
        exercise.solution: _STARTER,
        exercise.grader: _GRADER,
    }
    there = [path for path in texts if path.exists()]
    if there:
        raise Refused(f"{there[0]} is there already; nothing was written.")
    for path, template in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(template.format(name=exercise.name), encoding="utf-8")
    folders = [root() / "tests" / "submissions" / exercise.id / kind for kind in ("right", "wrong")]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return [*texts, *folders]
