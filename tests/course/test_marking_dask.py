"""The same marks from a Dask cluster, a worker of which is killed in the middle."""

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster

from course.catalog import Exercise
from course.cli import main
from course.marking import crew
from course.marking.store import Mark, Store

EXERCISE = Exercise("03-idempotency/dedup_consumer")
SUBMISSIONS = (EXERCISE.starter, EXERCISE.solution, *EXERCISE.submissions("right"), *EXERCISE.submissions("wrong"))
STUDENTS = 8
FILES = ("results.json", "gradebook.csv", "canvas.csv", "junit.xml")


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture
def submissions(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    for number, path in enumerate(SUBMISSIONS[:STUDENTS]):
        student = folder / f"student {number:02}"
        student.mkdir(parents=True)
        (student / "dedup_consumer.py").write_bytes(path.read_bytes())
    return folder


def grade(submissions: Path, out: Path, *options: str) -> None:
    quick = ("--exercise", EXERCISE.id, "--budget", "1", "--no-misconceptions", "--require-sandbox")
    assert main(["grade", str(submissions), "--out", str(out), *quick, *options]) == 0


def test_a_worker_that_is_killed_changes_no_mark(
    tmp_path: Path, submissions: Path, cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch
):
    grade(submissions, tmp_path / "here", "--jobs", "1")
    counted = Counter[str]()
    put = Store.put

    def count(store: Store, mark: Mark) -> None:
        counted[mark["key"]] += 1
        put(store, mark)

    monkeypatch.setattr(Store, "put", count)
    left: list[int] = []

    def kill() -> None:
        while not counted:
            time.sleep(0.01)
        left.append(STUDENTS - len(counted))
        os.kill(next(iter(cluster.workers.values())).pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    grade(submissions, tmp_path / "there", "--dask", cluster.scheduler_address)
    killer.join()
    assert left[0] > 2  # so that both were at work
    assert set(counted.values()) == {1}
    assert len(counted) == STUDENTS
    for name in FILES:
        assert (tmp_path / "there" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_a_cluster_that_goes_away_costs_no_mark(
    tmp_path: Path, submissions: Path, cluster: LocalCluster, capsys: pytest.CaptureFixture[str]
):
    def close() -> None:
        while not list((tmp_path / "out").rglob("*.json.gz")):
            time.sleep(0.01)
        cluster.close()

    closer = threading.Thread(target=close)
    closer.start()
    quick = ("--exercise", EXERCISE.id, "--budget", "1", "--no-misconceptions", "--require-sandbox")
    asked = ["grade", str(submissions), "--out", str(tmp_path / "out"), *quick]
    assert main([*asked, "--dask", cluster.scheduler_address]) == 2
    closer.join()
    assert "No Dask scheduler answers" in capsys.readouterr().err
    kept = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.json.gz")}
    assert 0 < len(kept) < STUDENTS
    assert main([*asked, "--jobs", "2"]) == 0
    assert all(path.read_bytes() == mark for path, mark in kept.items())


def test_an_address_without_a_cluster_is_told(
    tmp_path: Path, submissions: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(crew, "CONNECT_S", 1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        assert main(["grade", str(submissions), "--out", str(tmp_path / "out"), "--dask", address]) == 2
    assert f"No Dask scheduler answers at {address}" in capsys.readouterr().err
