"""Grading one submission of one exercise, in this interpreter, by the exercise's own pytest file.

The page and the command line come through here; `pytest tests/graders` reaches the same plugin by itself.
"""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location

import pytest

from course import pytest_plugin
from course.catalog import Exercise
from course.pytest_plugin import FAULTLESS, MANNER, PLAINLY, PROBLEM, PROGRAM, Manner, problem_of, result_of
from course.results import Results, TestResult
from unreliable import Explorer, Problem, Program, Replay, Scenario, Schedule

# Plugins of pytest's that no grader has a use for, and that take time in a page's first seconds.
_UNUSED = (
    *("cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "legacypath", "logging"),
    *("monkeypatch", "pastebin", "recwarn", "setuponly", "setupplan", "stepwise", "subtests", "threadexception"),
    *("tmpdir", "unittest", "unraisableexception", "warnings"),
)

# The test that starts, its number from 0, how many there are, and what came of the one before it.
type Report = Callable[[str, int, int, TestResult | None], None]


@dataclass
class _Collector:
    """Hands the program to the session and takes the results out of it."""

    program: Program
    problem: Problem | None
    faultless: Replay | None
    report: Report | None
    manner: Manner
    results: list[TestResult] = field(default_factory=list[TestResult])
    errors: list[str] = field(default_factory=list[str])
    others: list[str] = field(default_factory=list[str])

    def pytest_configure(self, config: pytest.Config) -> None:
        config.stash[PROGRAM] = self.program
        config.stash[MANNER] = self.manner
        if self.problem is not None and self.problem.kind != "output":
            config.stash[PROBLEM] = self.problem
            if self.faultless is not None:
                config.stash[FAULTLESS] = self.faultless.trace

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(str(report.longrepr))

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        self.others = [item.name for item in items]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.results = [result_of(item) for item in session.items]

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if self.report is not None:
            number = self.results.index(result_of(item))
            tried = number > 0 and PROBLEM not in item.config.stash
            self.report(item.name, number, len(self.results), self.results[number - 1] if tried else None)


class GraderError(Exception):
    """The grader itself is broken: no verdict about the submission."""


def grade(
    exercise: Exercise,
    program: Program,
    manner: Manner = PLAINLY,
    report: Report | None = None,
) -> Results:
    """Runs the exercise's grader on the program. Raises GraderError if the grader cannot be run."""
    problem, faultless = run(exercise, program, manner)
    program.output.collecting = False
    collector = _Collector(program, problem, faultless, report, manner)
    options = ["--faults", str(manner.faults), *(["--replay", manner.token] if manner.token else [])]
    options += ["-k", manner.only] if manner.only else []
    quiet = [f"-pno:{name}" for name in _UNUSED]
    quiet += ["-q", "-o", "addopts=", "--import-mode=importlib", "--rootdir", str(exercise.grader.parents[1])]
    _forget_another(exercise)
    said = io.StringIO()
    with _environment_left_out(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = pytest.main([*quiet, *options, str(exercise.grader)], plugins=[pytest_plugin, collector])
    if status == pytest.ExitCode.NO_TESTS_COLLECTED and collector.others:
        raise GraderError(f"No test is called {manner.only}. There are: {', '.join(collector.others)}.")
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        lines = [
            line.removeprefix("ERROR: ") for line in said.getvalue().splitlines() if line.startswith("ERROR: ")
        ]
        raise GraderError("\n".join(collector.errors or lines) or said.getvalue())
    return Results(exercise.id, problem, collector.results, program.output.text)


@contextlib.contextmanager
def _environment_left_out() -> Generator[None]:
    """What this shell tells pytest is not meant for marks."""
    kept = {name: os.environ.pop(name) for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS") if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)


def _forget_another(exercise: Exercise) -> None:
    """Lets go of a grader of the same name in another folder: pytest would take the one that is loaded."""
    name = f"{exercise.topic}.{exercise.grader.stem}"
    loaded = sys.modules.get(name)
    if loaded is not None and loaded.__file__ != str(exercise.grader):
        del sys.modules[name]


def scenario_of(exercise: Exercise) -> Scenario:
    """The faultless world of an exercise: its grader's SCENARIO."""
    spec = spec_from_file_location(f"grader_of_{exercise.name}", exercise.grader)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SCENARIO


def run(exercise: Exercise, program: Program, manner: Manner = PLAINLY) -> tuple[Problem | None, Replay | None]:
    """One faultless run of the program in the exercise's world, with what it prints in `program.output`."""
    scenario = scenario_of(exercise)
    program.output.collecting = True
    problem = problem_of(scenario, program)
    if problem is not None:
        return problem, None
    with Explorer(scenario, program, manner.drive) as explorer:
        result = explorer.replay(Schedule())
    return result.problem or program.output.problem, result
