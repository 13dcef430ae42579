"""What goes wrong on the instructor's side: it costs nobody marks, and is told in a line."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from course.marking import crew, marker
from course.marking.marker import GRADER_ERROR, TIMED_OUT, Unit, grader_error, mark
from course.marking.store import NEW, alone
from course.sandbox.jail import WALLS, Jail, Prisoner
from unreliable.pipe import RemoteProgram

from .test_marking import EXERCISE, LOOP, QUICK, RIGHT, TERMS, grade, hand_in, results

SILENT = f"{LOOP}    max(iter(int, 1))\n"


def outcomes(out: Path) -> dict[str, str]:
    return {
        student["student"]: exercise["outcome"]
        for student in results(out)["students"]
        for exercise in student["exercises"]
    }


@pytest.mark.parametrize("connection", [2, 4, 7])
def test_a_sandbox_that_is_killed_costs_nobody_marks(connection: int, monkeypatch: pytest.MonkeyPatch):
    real, connections = Jail.connect, 0

    def connect(jail: Jail) -> Prisoner:
        nonlocal connections
        connections += 1
        if connections == connection:
            os.kill(jail.nursery.pid, signal.SIGKILL)
            jail.nursery.wait()
        return real(jail)

    monkeypatch.setattr(Jail, "connect", connect)
    found = mark(Unit(EXERCISE.id, RIGHT, TERMS))
    assert connections >= connection
    assert found["outcome"] == GRADER_ERROR
    assert "too little memory" in found["message"]


@pytest.mark.parametrize(("standstills", "outcome"), [(1, "passed"), (2, TIMED_OUT)])
def test_time_that_ran_out_once_is_not_believed(standstills: int, outcome: str, monkeypatch: pytest.MonkeyPatch):
    left = iter([0] * standstills)

    def started(source: str, name: str, connect: Any, limit_s: float) -> RemoteProgram:
        return RemoteProgram(source, name, connect, next(left, limit_s))

    monkeypatch.setattr(marker, "RemoteProgram", started)
    assert mark(Unit(EXERCISE.id, RIGHT, TERMS))["outcome"] == outcome


def test_time_that_ran_out_costs_nobody_marks_where_there_is_no_solution(tmp_path: Path):
    (tmp_path / "99-exam").mkdir()
    (tmp_path / "99-exam" / "test_transfer.py").write_text(EXERCISE.grader.read_text("utf-8"), "utf-8")
    found = mark(Unit("99-exam/transfer", RIGHT, replace(TERMS, extra_tests=tmp_path, time_limit_s=0.01)))
    assert found["outcome"] == GRADER_ERROR
    assert "no solution" in found["message"]


def here(units: Iterable[Unit], jobs: int) -> crew.Marked:
    """A crew in this process."""
    return ((unit, mark(unit)) for unit in units)


def test_who_had_too_little_time_is_graded_again_when_there_is_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    begun: list[float] = []

    def counted(units: Iterable[Unit], jobs: int) -> crew.Marked:
        for unit in units:
            begun.append(unit.terms.time_limit_s)
            yield unit, mark(unit)

    monkeypatch.setattr("unreliable.pipe.PATIENCE_S", 1)
    monkeypatch.setattr(crew, "on_processes", counted)
    hand_in(tmp_path / "in", alice=SILENT)
    for limit in ("30", "30", "60"):
        grade(tmp_path / "in", tmp_path / "out", "--time-limit", limit)
        assert outcomes(tmp_path / "out") == {"alice": TIMED_OUT}
    assert begun == [30, 60]


def test_what_the_shell_tells_pytest_changes_no_mark(monkeypatch: pytest.MonkeyPatch):
    usual = mark(Unit(EXERCISE.id, RIGHT, TERMS))
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k test_a_payment_that_was_sent_twice")
    assert mark(Unit(EXERCISE.id, RIGHT, TERMS)) == usual
    assert os.environ["PYTEST_ADDOPTS"]


def test_a_mark_with_fewer_walls_does_not_stand_in_for_one_with_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def weakly(units: Iterable[Unit], jobs: int) -> crew.Marked:
        return ((unit, mark(unit) | {"walls": ["limits"]}) for unit in units)

    def in_vain(units: Iterable[Unit], jobs: int) -> crew.Marked:
        return ((unit, grader_error(unit, "This worker has no bubblewrap.")) for unit in units)

    hand_in(tmp_path / "in", alice=RIGHT)
    monkeypatch.setattr(crew, "on_processes", weakly)
    assert grade(tmp_path / "in", tmp_path / "out") == 0
    monkeypatch.setattr(crew, "on_processes", in_vain)
    assert grade(tmp_path / "in", tmp_path / "out") == 0
    assert outcomes(tmp_path / "out") == {"alice": "passed"}
    assert grade(tmp_path / "in", tmp_path / "out", "--require-sandbox") == 1
    assert outcomes(tmp_path / "out") == {"alice": GRADER_ERROR}
    monkeypatch.setattr(crew, "on_processes", here)
    assert grade(tmp_path / "in", tmp_path / "out", "--require-sandbox") == 0
    assert set(results(tmp_path / "out")["walls"][0]) == set(WALLS)


def named(unit: Unit) -> dict[str, Any]:
    """A grader that takes no time."""
    return {"key": unit.source, "outcome": "passed", "worker": os.getpid()}


@pytest.mark.parametrize("units", range(1, 10))
def test_workers_are_replaced_and_none_of_the_work_is_lost(units: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(crew, "MOST_TASKS", 2)
    names = [f"unit {number}" for number in range(units)]
    found = [found for _, found in crew.on_processes([Unit(EXERCISE.id, name, TERMS) for name in names], 2, named)]
    assert sorted(each["key"] for each in found) == names
    assert len({each["worker"] for each in found}) >= units / 4


def test_who_interrupts_keeps_what_was_begun(monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(crew, "wait", interrupted)
    units = [Unit(EXERCISE.id, f"unit {number}", TERMS) for number in range(50)]
    kept: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        kept.extend(found["key"] for _, found in crew.on_processes(units, 1, named))
    assert 0 < len(kept) <= crew.AHEAD


def test_an_interrupted_command_says_how_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def interrupted(units: Iterable[Unit], jobs: int) -> crew.Marked:
        yield from ((unit, mark(unit)) for unit in list(units)[:1])
        raise KeyboardInterrupt

    hand_in(tmp_path / "in", alice=RIGHT, bob=LOOP)
    monkeypatch.setattr(crew, "on_processes", interrupted)
    assert grade(tmp_path / "in", tmp_path / "out") == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert len(list((tmp_path / "out").rglob("*.json.gz"))) == 1


def test_two_commands_do_not_write_into_one_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    hand_in(tmp_path / "in")
    (tmp_path / "in").mkdir()
    (tmp_path / "out" / "marks" / "ab").mkdir(parents=True)
    left = tmp_path / "out" / "marks" / "ab" / f"{NEW}left"
    left.touch()
    others = tmp_path / "out" / "class" / f"{NEW}notes.py"
    (others / "folder").mkdir(parents=True)
    with alone(tmp_path / "out"):
        assert not left.exists()
        assert others.exists()
        assert grade(tmp_path / "in", tmp_path / "out") == 2
        assert "Another `course grade` writes into" in capsys.readouterr().err
    assert grade(tmp_path / "in", tmp_path / "out") == 0


def test_where_files_cannot_be_locked_the_class_is_graded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def flock(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    (tmp_path / "in").mkdir()
    assert grade(tmp_path / "in", tmp_path / "out") == 0


def test_a_private_grader_that_is_no_python_ends_the_command_before_it_marks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    private = tmp_path / "private" / "03-idempotency" / "test_dedup_consumer.py"
    private.parent.mkdir(parents=True)
    private.write_text("def test_of_mine(verify:\n", "utf-8")
    hand_in(tmp_path / "in", alice=RIGHT)
    assert grade(tmp_path / "in", tmp_path / "out", "--extra-tests", str(tmp_path / "private")) == 2
    assert f"{private} is no Python" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.json.gz"))


def test_a_private_test_that_is_skipped_says_that_it_may_not_be(tmp_path: Path):
    private = tmp_path / "03-idempotency" / "test_dedup_consumer.py"
    private.parent.mkdir()
    skips = "def test_of_mine(verify):\n    pytest.skip()\n"
    private.write_text(f"import pytest\n{EXERCISE.grader.read_text('utf-8')}\n{skips}", "utf-8")
    found = mark(Unit(EXERCISE.id, RIGHT, replace(TERMS, extra_tests=tmp_path)))
    assert found["outcome"] == GRADER_ERROR
    assert "test_of_mine: A grader may not skip a test" in found["message"]


def test_without_dask_or_with_no_such_address_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    dask = partial(grade, hand_in(tmp_path / "in", alice=RIGHT), tmp_path / "out", "--dask")
    assert dask("nonsense://here") == 2
    assert "No Dask scheduler answers at nonsense://here" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert dask("tcp://127.0.0.1:9") == 2
    assert "--dask needs Dask" in capsys.readouterr().err


def test_a_terminal_that_lacks_the_letters_of_a_name_is_no_error(tmp_path: Path):
    folder = hand_in(tmp_path / "in", 链="import socket\n")
    command = [sys.executable, "-m", "course", "grade", str(folder), "--out", str(tmp_path / "out"), *QUICK]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii:strict"}
    done = subprocess.run(command, capture_output=True, env=environment, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
