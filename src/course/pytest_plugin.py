"""The pytest plugin of the graders: `pytest tests/graders`.

Rules
- A grader's test takes the fixture `verify` and calls it with a scenario; the verdict decides the test.
- A grader's module has a `SCENARIO`: the faultless world of its exercise, which *Run* shows.
- The submission is exercises/ID.py, or what `--submission` names: a file, or a folder laid out like exercises/; or
  each student's of the class in `--submissions`, which runs behind the walls of `course.sandbox`.
"""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from course.catalog import Exercise
from course.results import TestResult, story
from unreliable import (
    Anomaly,
    Event,
    Explorer,
    Problem,
    Program,
    Scenario,
    Schedule,
    ScheduleError,
    Trace,
    Verdict,
    diagram,
)
from unreliable.world import Drive

type Verify = Callable[[Scenario], None]


@dataclass(frozen=True)
class Manner:
    """How a submission is run.

    All schedules with up to `faults` faults, or the one that `token` names; by `drive`, or beside the world; then
    with `fresh`, a drive whose deaths are real, and `samples` random schedules drawn with `seed`, by `fresh` too,
    but for the tests in `unsampled`.
    """

    faults: int = 2
    token: str | None = None
    drive: Drive | None = None
    fresh: Drive | None = None
    samples: int = 0
    seed: str = ""
    unsampled: frozenset[str] = frozenset()
    elsewhere: Callable[[Scenario, Program], Verdict] | None = None  # not in the world at all: the lab
    only: str | None = None  # the one test to run


PLAINLY = Manner()
MANNER = pytest.StashKey[Manner]()
RESULT = pytest.StashKey[TestResult]()
PROGRAM = pytest.StashKey[Program]()
PROBLEM = pytest.StashKey[Problem]()  # of the faultless run: no schedule is worth trying
FAULTLESS = pytest.StashKey[Trace]()  # that run, which the first test tells
BUDGET = PLAINLY.faults


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("course", "grading of exercises")
    group.addoption(
        "--submission", type=Path, metavar="PATH", help="a file, or a folder like exercises/, to grade"
    )
    group.addoption("--submissions", type=Path, metavar="DIR", help="a class: a folder or zip for each student")
    group.addoption("--faults", type=int, default=BUDGET, metavar="N", help=f"fault budget (default {BUDGET})")
    group.addoption("--replay", metavar="TOKEN", help="run one schedule, TEST:SCHEDULE as a failed test names it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With --replay, only the test that the token names is run."""
    token: str | None = config.getoption("--replay")
    if token:
        name = f"test_{token.partition(':')[0]}"
        others = [item for item in items if item.name != name]
        if len(others) == len(items):
            raise pytest.UsageError(f"--replay {token}: no test is called {name}")
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item.name == name]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """With --submissions, a test for each student."""
    folder: Path | None = metafunc.config.getoption("--submissions")
    if folder is not None and "verify" in metafunc.fixturenames:
        from course.marking.classroom import handed_in  # noqa: PLC0415 not in the page

        students = handed_in(folder, metafunc.definition.path)
        metafunc.parametrize("submission", students, ids=lambda found: found.student, indirect=True)


@pytest.fixture
def submission(request: pytest.FixtureRequest) -> Iterator[Program]:
    """The program under test: compiled once, executed afresh by every process of every schedule."""
    if hasattr(request, "param"):
        with request.param.jailed(request) as program:
            yield program
    else:
        yield _own_submission(request)


def _own_submission(request: pytest.FixtureRequest) -> Program:
    config = request.config
    if PROGRAM in config.stash:
        return config.stash[PROGRAM]
    path = submission_path(request.path, config.getoption("--submission"))
    return Program(read_source(path), str(path))


def submission_path(grader: Path, given: Path | None) -> Path:
    """The file that a grader grades; raises pytest.UsageError with what was looked for."""
    exercise = Exercise(f"{grader.parent.name}/{grader.stem.removeprefix('test_')}")
    if given is None:
        candidates = [exercise.starter]
    elif given.is_dir():
        candidates = [given / f"{exercise.id}.py", given / f"{exercise.name}.py"]
    else:
        candidates = [given]
    for path in candidates:
        if path.is_file():
            return path
    raise pytest.UsageError(f"no submission for {exercise.id}: looked for {' and '.join(map(str, candidates))}")


def read_source(path: Path) -> str:
    """The text of a submission; raises pytest.UsageError if it is not UTF-8 text."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise pytest.UsageError(f"{path} is not UTF-8 text: {error}") from None


@pytest.fixture
def verify(request: pytest.FixtureRequest, submission: Program) -> Verify:
    """`verify(scenario)`: every schedule of the scenario up to the fault budget has to pass."""
    result = result_of(request.node)
    budget = int(str(request.config.getoption("--faults")))
    token: str | None = request.config.getoption("--replay")
    manner = request.node.stash.get(MANNER, request.config.stash.get(MANNER, PLAINLY))

    def verify(scenario: Scenario) -> None:
        scenario = replace(scenario, name=result.name.removeprefix("test_").partition("[")[0])
        result.problem = request.config.stash.get(PROBLEM, None) or problem_of(scenario, submission)
        if result.problem is not None:
            if FAULTLESS in request.config.stash:
                result.tell(request.config.stash[FAULTLESS])
                del request.config.stash[FAULTLESS]
            pytest.fail(f"{submission.filename}: {result.problem}", pytrace=False)
        if manner.elsewhere is not None:
            verdict = manner.elsewhere(scenario, submission)
            result.take(verdict)
            if verdict.anomaly is not None:
                pytest.fail(f"{verdict.anomaly.name}: {verdict.anomaly.sentence}", pytrace=False)
            return
        with Explorer(scenario, submission, manner.drive) as explorer:
            if token:
                _replay(explorer, token, result)
                return
            verdict = explorer.explore(budget)
            result.take(verdict)
            if verdict.passed:
                verdict = _go_further(explorer, manner, result.name, budget) or verdict
        if not verdict.passed:
            result.take(verdict)
            pytest.fail(_failure(verdict, submission, manner), pytrace=False)

    return verify


def _go_further(explorer: Explorer, manner: Manner, test: str, budget: int) -> Verdict | None:
    """What an instructor's run looks for beyond the page's: a verdict that did not pass, or None."""
    verdict = explorer.die_for_real(manner.fresh, budget) if manner.fresh is not None else None
    if verdict is None and manner.samples and test not in manner.unsampled:
        sampled = explorer.sample(manner.seed, manner.samples, drive=manner.fresh)
        verdict = None if sampled.passed else sampled
    return verdict


def problem_of(scenario: Scenario, program: Program) -> Problem | None:
    """Why the program cannot take part in the scenario, or None."""
    learned = sorted({(p.run, p.parameters) for p in scenario.processes if isinstance(p.run, str)})
    problems = (program.problem(entry, parameters) for entry, parameters in learned)
    return next((problem for problem in problems if problem), None)


def _replay(explorer: Explorer, token: str, result: TestResult) -> None:
    """Runs the one schedule of the token and shows its story, whether it fails or not."""
    try:
        replay = explorer.replay(Schedule.parse(token.partition(":")[2]))
    except ScheduleError as error:
        pytest.fail(f"{token}: {error}. The token belongs to another version of the program.", pytrace=False)
    result.story = story(replay.trace, token)
    result.token = token
    result.trace = replay.trace
    if replay.anomaly is None:
        print(diagram.text(replay.trace))
        return
    result.fail(replay.anomaly.name, replay.anomaly.sentence)
    pytest.fail(_told(replay.anomaly, replay.trace), pytrace=False)


def _failure(verdict: Verdict, program: Program, manner: Manner) -> str:
    """The story, and how to run it again if the program is one of the reader's own files."""
    assert verdict.anomaly is not None
    assert verdict.trace is not None
    told = _told(verdict.anomaly, verdict.trace, verdict.told)
    if manner.drive is not None:
        return told
    return f"{told}\n\nRun it again: course check {program.filename} --replay {verdict.token}"


def _told(anomaly: Anomaly, trace: Trace, told: Sequence[Event] = ()) -> str:
    return f"{anomaly.name}: {anomaly.sentence}\n\n{diagram.text(trace, told)}"


def result_of(item: pytest.Item) -> TestResult:
    """The result that belongs to a test."""
    if RESULT not in item.stash:
        function = getattr(item, "function", None)
        title = (getattr(function, "__doc__", None) or item.name).strip().splitlines()[0]
        item.stash[RESULT] = TestResult(item.name, title)
    return item.stash[RESULT]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Completes the test's result. Only a test that was run to its end without an exception has passed."""
    report = yield
    if RESULT in item.stash:
        result = item.stash[RESULT]
        if call.when == "call" and report.passed:
            result.outcome = "passed"
        elif report.failed and result.sentence is None:
            result.outcome = "failed" if result.problem else "error"
            result.sentence = str(result.problem) if result.problem else str(report.longrepr)
        elif report.skipped:
            result.sentence = "A grader may not skip a test: take it out, or let it decide."
    return report
