"""What the tests of the sandbox look at: processes, files, and marks."""

import ctypes
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from course.catalog import exercise, root
from course.grading import grade
from course.pytest_plugin import Manner
from course.results import Results
from course.sandbox.jail import WALLS, Jail, Limits
from unreliable.pipe import RemoteProgram, fresh

EXERCISE = exercise("03-idempotency/dedup_consumer")
PR_SET_CHILD_SUBREAPER = 36
MIB = 1024 * 1024
TIGHT = Limits(processor_s=4, memory_bytes=256 * MIB)  # what is wrong shows sooner


def missing_walls() -> list[str]:
    """The walls that this machine lacks."""
    with Jail() as jail:
        return [wall for wall in WALLS if wall not in jail.walls]


def descendants() -> set[int]:
    """All processes that this one has started, directly or not, and those that were left to it."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it ended meanwhile
        if state != "Z":
            parents[int(folder.name)] = int(parent)
    found: set[int] = set()
    todo = {os.getpid()}
    while todo:
        todo = {process for process, parent in parents.items() if parent in todo} - found
        found |= todo
    return found


def wait_until_gone(before: set[int], patience_s: float = 2) -> set[int]:
    """The processes that are there besides those of before, when they had time to end."""
    deadline = time.monotonic() + patience_s
    while (left := descendants() - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left


@pytest.fixture(scope="session", autouse=True)
def orphans_are_ours() -> None:
    """Processes whose parent has died become children of this one, and so are found."""
    assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def escaped() -> list[str]:
    """Files of attacks outside of the sandbox."""
    home = Path.home()
    folders = {Path(name) for name in ("/", "/tmp", "/var/tmp", "/dev/shm")} | {root(), home, Path.cwd()}
    names = [*(path for folder in folders for path in folder.glob("course-escape*"))]
    planted = [root() / "conftest.py", home / "conftest.py", Path("/tmp/conftest.py"), root() / "src/conftest.py"]
    return sorted(str(path) for path in (*names, *planted) if path.exists() or path.is_symlink())


def mark(jail: Jail, path: Path, total_s: float = 30, faults: int = 1, samples: int = 2) -> Results:
    """The mark of one submission, by the way in which a class is graded."""
    program = RemoteProgram(path.read_text("utf-8"), path.name, jail.connect, total_s)
    try:
        death = fresh(program, jail.connect)
        manner = Manner(faults=faults, drive=program.drive, fresh=death, samples=samples, seed="withheld")
        return grade(EXERCISE, program, manner)
    finally:
        program.close()


def passed(results: Results) -> set[str]:
    return {test.name for test in results.tests if test.outcome == "passed"}


@pytest.fixture(scope="module")
def jail() -> Iterator[Jail]:
    with Jail(TIGHT) as jail:
        yield jail
