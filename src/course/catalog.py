"""The catalog: which exercises there are, read off the tree.

An exercise's id is `NN-topic/name`; the same path leads to its starter, its solution, its grader and its
submissions. There is no other list.
"""

import os
from dataclasses import dataclass
from pathlib import Path


class NotFound(Exception):
    """An exercise, or the course itself, is not where it was looked for. The text says what to do."""


def root() -> Path:
    """The folder with exercises/ and tests/: $COURSE_ROOT, or the nearest above the working folder or this file."""  # noqa: E501
    if "COURSE_ROOT" in os.environ:
        return Path(os.environ["COURSE_ROOT"])
    for start in (Path.cwd(), Path(__file__).resolve()):
        for folder in (start, *start.parents):
            if (folder / "exercises").is_dir() and (folder / "tests" / "graders").is_dir():
                return folder
    raise NotFound("There is no course here: run the command inside of its folder, or set COURSE_ROOT to it.")


@dataclass(frozen=True)
class Exercise:
    """One exercise; its parts may be missing, which `tests/test_catalog.py` notices."""

    id: str

    @property
    def topic(self) -> str:
        return self.id.partition("/")[0]

    @property
    def name(self) -> str:
        return self.id.partition("/")[2]

    @property
    def starter(self) -> Path:
        return root() / "exercises" / f"{self.id}.py"

    @property
    def solution(self) -> Path:
        return root() / "solutions" / f"{self.id}.py"

    @property
    def grader(self) -> Path:
        return root() / "tests" / "graders" / self.topic / f"test_{self.name}.py"

    def submissions(self, kind: str) -> list[Path]:
        """The submissions in `right` or `wrong`."""
        return sorted((root() / "tests" / "submissions" / self.id / kind).glob("*.py"))


def exercises() -> list[Exercise]:
    """All exercises, in the order of their topics."""
    folder = root() / "exercises"
    return [
        Exercise(path.relative_to(folder).with_suffix("").as_posix()) for path in sorted(folder.glob("*/*.py"))
    ]


def exercise(id: str) -> Exercise:
    """The exercise with this id; raises NotFound."""
    found = Exercise(id)
    if not found.grader.is_file():
        known = ", ".join(other.id for other in exercises())
        raise NotFound(f"There is no exercise {id!r}. There are: {known}.")
    return found


def exercise_of(path: Path) -> Exercise:
    """The exercise that a file belongs to, by its name and its folder's; raises NotFound.

    The file may lie anywhere: `03-idempotency/dedup_consumer.py` is enough, and so is `dedup_consumer.py` where
    only one exercise has that name.
    """
    parents = path.resolve().parent
    named = [Exercise(f"{parents.name}/{path.stem}"), *(e for e in exercises() if e.name == path.stem)]
    named += [Exercise("/".join(part for part in parents.parts[-3:-1]))]  # a file of tests/submissions
    for candidate in named:
        if candidate.grader.is_file():
            return candidate
    raise NotFound(
        f"{path}: no exercise is called {path.stem!r}. Keep the file's name, or name the exercise: --exercise ID."
    )
