"""A submission may try anything; none of it gets it a mark that it did not earn.

Rules
- Each file of attacks/ tries what its docstring says; `Held by` names the walls of which each alone stops it.
  The walls that are always there: *judge* (the verdict is formed in another process), *wire* (what is said is
  checked), *clock*, *exploration* (deaths are real, runs are repeated), *world* (of the database nothing is
  reached but the tables). The others are those of course.sandbox.jail.
- An attack earns no more tests than the same program without it: the starter, or what the docstring names.
- During and after it a right and a wrong submission get the marks that they get alone, nothing is left running,
  nothing is left in a file, and nothing that it should not know is in its results.
- An attack that got through would say so by COURSE-ESCAPE, or leave a file of that name.
"""

import ast
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from course.catalog import root
from course.grading import scenario_of
from course.sandbox.jail import WALLS, Jail
from unreliable import Explorer, pipe, tables
from unreliable.pipe import RemoteProgram, fresh

from .conftest import EXERCISE, TIGHT, descendants, escaped, mark, missing_walls, passed, wait_until_gone

ATTACKS = sorted(Path(__file__).with_name("attacks").glob("*.py"))
ALWAYS = {"judge", "wire", "clock", "exploration", "world"}
CANARY = f"course-canary-{os.getpid()}"
SECRETS = (CANARY, "COURSE-ESCAPE", "one transaction, and the payment's own id", "root:x:0")
PATIENCE_S = 1
# Each wall by itself has to stop what names it; all of them together everything.
CONFIGURATIONS = {"all": WALLS, "seccomp": ("seccomp",), "bubblewrap": ("bubblewrap",), "limits": ("limits",)}


@dataclass(frozen=True)
class Attack:
    path: Path

    @property
    def text(self) -> str:
        source = self.path.read_text("utf-8").replace("\0", "")
        return ast.get_docstring(ast.parse(source)) or ""

    @property
    def held_by(self) -> set[str]:
        return set(re.findall(r"\w+", self.text.partition("Held by:")[2].partition("\n")[0]))

    @property
    def honest(self) -> Path:
        """The same program without its attack."""
        named = re.search(r"Earns what (\S+) earns", self.text)
        tree = EXERCISE.submissions("wrong")[0].parents[1]
        return tree / named[1] if named else EXERCISE.starter


CASES = [
    (name, path) for name in CONFIGURATIONS for path in ATTACKS if name == "all" or name in Attack(path).held_by
]


@pytest.fixture(scope="module", autouse=True)
def impatient():
    """A child that says nothing is given up sooner, and a secret is there to be found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipe, "PATIENCE_S", PATIENCE_S)
        patch.setattr(tables, "MOST_WORK_S", 0.1)
        patch.setenv("COURSE_CANARY", CANARY)
        yield


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def configuration(request: pytest.FixtureRequest):
    """A jail with these walls; where the machine lacks one that it should have, the tests say which."""
    walls = CONFIGURATIONS[request.param]
    if set(walls) <= set(missing_walls()):
        pytest.skip(f"This machine lacks {request.param}: what it holds cannot be shown here.")
    with Jail(TIGHT, without=frozenset(WALLS).difference(walls)) as jail:
        yield jail


@cache
def earned_alone(path: Path) -> frozenset[str]:
    with Jail() as jail:
        return frozenset(passed(mark(jail, path)))


def verdict(jail: Jail, path: Path) -> tuple[object, ...]:
    """What crashes do to one of the controls, in little time."""
    scenario = scenario_of(EXERCISE).with_faults("crash")
    program = RemoteProgram(path.read_text("utf-8"), path.name, jail.connect)
    try:
        with Explorer(scenario, program, program.drive) as explorer:
            found = explorer.explore(1)
            again = explorer.sample("beside", 1, drive=fresh(program, jail.connect))
        return found.anomaly, found.token, found.run, found.covered, again.anomaly
    finally:
        program.close()


def controls(jail: Jail) -> tuple[tuple[object, ...], ...]:
    return verdict(jail, EXERCISE.solution), verdict(jail, EXERCISE.starter)


@cache
def controls_alone() -> tuple[tuple[object, ...], ...]:
    with Jail() as jail:
        return controls(jail)


@pytest.mark.parametrize(
    ("configuration", "path"), CASES, indirect=["configuration"], ids=lambda value: getattr(value, "stem", None)
)
def test_an_attack_gets_nothing(configuration: Jail, path: Path):
    attack = Attack(path)
    if not attack.held_by & (ALWAYS | set(configuration.walls)):
        pytest.skip(f"This machine lacks {' and '.join(sorted(attack.held_by))}, of which one is needed.")
    before = descendants()
    results = mark(configuration, path, total_s=3 if "world" in attack.held_by else 20)
    assert passed(results) <= earned_alone(attack.honest)
    assert not results.passed
    assert results.tests
    told = json.dumps(results.to_json())
    assert [secret for secret in SECRETS if secret in told] == []
    assert len(told) < 10_000_000
    assert controls(configuration) == controls_alone()
    assert wait_until_gone(before) == set()
    assert escaped() == []


def test_memory_that_survives_two_deaths_is_found_without_random_schedules(
    configuration_of_all: Jail, tmp_path: Path
):
    path = ATTACKS[0].parent / "deep/remembers_after_a_second_death.py"
    source = path.read_text("utf-8")
    honest = tmp_path / "honest.py"
    honest.write_text(re.sub(r'json\.__dict__\.setdefault\("_s", (.*)\)', r"\1", source), "utf-8")
    assert honest.read_text("utf-8") != source
    earned = [
        passed(mark(configuration_of_all, file, total_s=120, faults=2, samples=0)) for file in (path, honest)
    ]
    assert earned[0] <= earned[1]
    assert "test_a_crash_at_every_await" not in earned[1]


def test_being_wrong_however_one_dies_is_found_without_random_schedules(configuration_of_all: Jail):
    attack = Attack(ATTACKS[0].parent / "is_wrong_both_times.py")
    found = passed(mark(configuration_of_all, attack.path, samples=0))
    assert found <= passed(mark(configuration_of_all, attack.honest, samples=0))


def test_every_attack_says_what_it_tries_and_what_holds_it():
    assert len(ATTACKS) >= 60
    for path in ATTACKS:
        attack = Attack(path)
        assert attack.held_by, path.name
        assert attack.held_by <= ALWAYS | set(WALLS), path.name
        assert len(attack.text.splitlines()[0]) > 10, path.name


def test_the_page_for_instructors_tells_which_wall_holds_what():
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", (root() / "docs/sandbox.md").read_text("utf-8"), re.M)
    told = {name: [cell.strip() == "yes" for cell in cells.split("|")] for name, cells in rows}
    walls = ("seccomp", "bubblewrap", "limits")
    needed = {path.stem: Attack(path).held_by for path in ATTACKS if not Attack(path).held_by & ALWAYS}
    assert told == {name: [wall in held for wall in walls] for name, held in needed.items()}


def test_each_control_gets_its_own_mark(configuration_of_all: Jail):
    assert mark(configuration_of_all, EXERCISE.solution).passed
    assert passed(mark(configuration_of_all, EXERCISE.starter)) == earned_alone(EXERCISE.starter)
    (right, *_), (wrong, *_) = controls_alone()
    assert right is None
    assert wrong is not None


@pytest.fixture
def configuration_of_all() -> Iterator[Jail]:
    with Jail(TIGHT) as jail:
        yield jail
