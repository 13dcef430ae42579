"""Marking one exercise of one student: the submission runs in the jail, the verdict is formed here.

Rules
- A mark is a function of the submission, the graders, the fault budget, the samples and the withheld seed.
- What may be our fault is tried on the exercise's own solution, and costs nobody marks if it fails there too: a
  check that ends by an exception (tried on a program that does nothing, where there is no solution), time that
  runs out, and random schedules, which are then left out.
- Time that runs out is believed the second time: a machine may have stood still. Where there is no solution to
  compare with, it is a grader error.
- Outcomes: passed, wrong, crashed, timed out, out of memory, refused, and grader error, which costs no marks.
- A crash is a fresh module while exploring; then every schedule with a single crash is run again with real
  process death, and random ones are drawn with the withheld seed.
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import course
import unreliable
from course import grading
from course.catalog import Exercise
from course.marking.store import Mark, key_of
from course.pytest_plugin import Manner
from course.results import Results
from course.sandbox.jail import Jail, Limits
from unreliable import Program
from unreliable.pipe import RemoteProgram, fresh

PASSED, WRONG, REFUSED, TIMED_OUT, GRADER_ERROR = "passed", "wrong", "refused", "timed out", "grader error"
UNREADABLE = "unreadable state"
MARGIN = 3  # as much time as the solution needs, at the very least, is what a submission has
OUTCOMES = {
    "crashed": "crashed",
    "exit": "crashed",
    "endless": TIMED_OUT,
    "memory": "out of memory",
    "output": WRONG,
    "syntax": REFUSED,
    "missing": REFUSED,
    "signature": REFUSED,
    "refused": REFUSED,
}


@dataclass(frozen=True)
class Terms:
    """What all students of a grading have in common."""

    budget: int = 2
    samples: int = 0
    seed: str = ""
    extra_tests: Path | None = None
    require_sandbox: bool = False
    time_limit_s: float = 120  # for all schedules of an exercise together


@dataclass(frozen=True)
class PrivateExercise(Exercise):
    """An exercise as the instructor's own tests see it."""

    folder: Path = Path()

    @property
    def grader(self) -> Path:
        return self.folder / self.topic / f"test_{self.name}.py"

    @property
    def solution(self) -> Path:
        """The instructor's own, or the course's."""
        own = self.folder / self.topic / f"{self.name}.py"
        return own if own.is_file() else super().solution


@dataclass(frozen=True)
class Unit:
    """One piece of work: a submission of an exercise, and the terms."""

    exercise: str
    source: str
    terms: Terms
    trusted: bool = False  # the course's own: needs no walls, and is only explored

    @property
    def key(self) -> str:
        terms = self.terms
        files = [file for e in self.graders for file in (e.grader, e.solution)]
        graders = [_hash_of(file) for file in files if file.is_file()]
        drawn = None if self.trusted else (terms.samples, terms.seed)
        return key_of(self.exercise, self.source, graders, _code(), terms.budget, drawn)

    @property
    def graders(self) -> list[Exercise]:
        """The course's own and the instructor's, as far as there are."""
        public = Exercise(self.exercise)
        found = [public] if public.grader.is_file() else []
        if self.terms.extra_tests is not None:
            private = PrivateExercise(self.exercise, self.terms.extra_tests)
            found += [private] if private.grader.is_file() else []
        return found


@cache
def _hash_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@cache
def _code() -> str:
    """What decides besides the graders: the world, and the way from it to a mark."""
    ours = Path(course.__file__).parent
    files = sorted(Path(unreliable.__file__).parent.rglob("*.py"))
    files += [ours / name for name in ("grading.py", "pytest_plugin.py", "results.py", "marking/marker.py")]
    return key_of([_hash_of(path) for path in (*files, *sorted((ours / "sandbox").glob("*.py")))])


def mark(unit: Unit) -> Mark:
    """The mark of one submission. Never raises: what goes wrong here is a grader error."""
    try:
        if unit.trusted:
            return _explored(unit)
        limits = Limits(processor_s=max(1, int(unit.terms.time_limit_s)))
        with Jail(limits, strict=unit.terms.require_sandbox) as jail:
            return _mark(unit, jail)
    except Exception as error:
        return grader_error(unit, f"{type(error).__name__}: {error}")


def grader_error(unit: Unit, message: str) -> Mark:
    """No mark: something of ours went wrong, and the student is not to suffer for it."""
    return _marked(unit, GRADER_ERROR, message, [], ())


def _explored(unit: Unit) -> Mark:
    exercise = Exercise(unit.exercise)
    found = [grading.grade(exercise, Program(unit.source), Manner(faults=unit.terms.budget))]
    return _marked(unit, *_outcome(found), found, ())


def _mark(unit: Unit, jail: Jail) -> Mark:
    graded = [_graded(grader, unit, jail) for grader in unit.graders]
    found = [results for results, _ in graded]
    for grader, results in zip(unit.graders, found, strict=True):
        _control_checks(grader, results, unit.terms.budget)
    mark = _marked(unit, *_outcome(found), found, jail.walls)
    return mark | {"ran_out_after_s": unit.terms.time_limit_s if any(late for _, late in graded) else None}


def _graded(grader: Exercise, unit: Unit, jail: Jail) -> tuple[Results, bool]:
    """The results, and whether time ran out."""
    results, out_of_time = _graded_once(grader, unit, jail)
    if out_of_time:
        results, out_of_time = _graded_once(grader, unit, jail)
    if out_of_time:
        _control_time(grader, results, unit, jail)
    return results, out_of_time


def _graded_once(grader: Exercise, unit: Unit, jail: Jail) -> tuple[Results, bool]:
    """The results, and whether a clock ended the program."""
    terms = unit.terms
    program = RemoteProgram(unit.source, f"{grader.name}.py", jail.connect, terms.time_limit_s)
    manner = Manner(
        faults=terms.budget,
        drive=program.drive,
        fresh=fresh(program, jail.connect),
        samples=terms.samples,
        seed=terms.seed,
        unsampled=unsampled(grader, terms.samples, terms.seed),
    )
    try:
        return grading.grade(grader, program, manner), program.out_of_time
    finally:
        program.close()


@cache
def unsampled(exercise: Exercise, samples: int, seed: str) -> frozenset[str]:
    """The tests whose random schedules ask too much: even the exercise's own solution does not get through."""
    if not samples or not exercise.solution.is_file():
        return frozenset()
    solution = Program(exercise.solution.read_text("utf-8"))
    results = grading.grade(exercise, solution, Manner(faults=0, samples=samples, seed=seed))
    return frozenset(test.name for test in results.tests if test.outcome != "passed")


def _control_checks(exercise: Exercise, results: Results, budget: int) -> None:
    """Turns a check that no program can get through into an error of the grader's."""
    unreadable = [test for test in results.tests if test.anomaly == UNREADABLE]
    if not unreadable:
        return
    control = grading.grade(exercise, Program(_known_source(exercise)), Manner(faults=budget))
    broken = {test.name: test.sentence for test in control.tests if test.anomaly == UNREADABLE}
    for test in unreadable:
        if test.name in broken:
            test.outcome = "error"
            test.sentence = f"The check fails on what a program of ours leaves behind, too. {broken[test.name]}"


def _control_time(exercise: Exercise, results: Results, unit: Unit, jail: Jail) -> None:
    """Turns time that ran out, on a machine that may be too slow, into an error of the grader's."""
    endless = [test for test in results.tests if test.problem is not None and test.problem.kind == "endless"]
    quick = replace(unit.terms, time_limit_s=unit.terms.time_limit_s / MARGIN)
    if not exercise.solution.is_file():
        slow = (
            f"There is no solution to tell by whether the machine is too slow for {unit.terms.time_limit_s:g} s."
        )
    elif not _graded_once(exercise, replace(unit, source=_known_source(exercise), terms=quick), jail)[0].passed:
        slow = f"The machine is too slow: the solution takes more than {quick.time_limit_s:g} s, too."
    else:
        return
    for test in endless:
        test.outcome = "error"
        test.sentence = slow


def _known_source(exercise: Exercise) -> str:
    """A program whose end every check has to be able to read."""
    if exercise.solution.is_file():
        return exercise.solution.read_text("utf-8")
    entries = {p.run: p.parameters for p in grading.scenario_of(exercise).processes if isinstance(p.run, str)}
    return "".join(f"async def {name}({', '.join(taken)}):\n    pass\n" for name, taken in entries.items())


def _outcome(found: list[Results]) -> tuple[str, str | None]:
    """One word for all tests, and a sentence about the first that did not pass."""
    tests = [test for results in found for test in results.tests]
    if not tests:
        return GRADER_ERROR, "There is no grader for this exercise."
    broken = next((test for test in tests if test.outcome == "error"), None)
    if broken is not None:
        return GRADER_ERROR, f"{broken.name}: {broken.sentence}"
    failed = next((test for test in tests if test.outcome != "passed"), None)
    if failed is None:
        return PASSED, None
    problem = next((results.problem for results in found if results.problem), None) or failed.problem
    if problem is not None:
        return OUTCOMES.get(problem.kind, WRONG), str(problem)
    return WRONG, f"{failed.anomaly}: {failed.sentence}"


def _marked(unit: Unit, outcome: str, message: str | None, found: list[Results], walls: tuple[str, ...]) -> Mark:
    """Plain data: the results of the course's own tests, and of the instructor's."""
    told = [results.to_json() for results in found]
    public = Exercise(unit.exercise).grader.is_file()
    drawn = (0, "") if unit.trusted or not found else (unit.terms.samples, unit.terms.seed)
    return {
        "key": unit.key,
        "exercise": unit.exercise,
        "outcome": outcome,
        "message": message,
        "ran_out_after_s": None,
        "results": told[0] if told and public else None,
        "private": told[-1] if len(told) > public else None,
        "walls": list(walls),
        "unsampled": sorted({name for grader in unit.graders for name in unsampled(grader, *drawn)}),
    }


def terms_to_json(terms: Terms) -> dict[str, object]:
    """What a report may say of the terms: not the seed."""
    told = asdict(terms)
    return {name: told[name] for name in ("budget", "samples", "require_sandbox", "time_limit_s")}
