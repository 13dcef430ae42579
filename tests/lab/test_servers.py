"""The lab's own servers start, answer, and leave nothing behind; `make test-kafka` runs these."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from course.lab import LabError, servers
from course.lab.kafka import VERSION, Kafka
from course.lab.postgres import Postgres


def ours() -> set[str]:
    """The temporary folders of the lab's servers."""
    return {path.name for path in Path(tempfile.gettempdir()).glob("course-*")}


def runs(text: str) -> bool:
    """Whether a process has this text in its command line."""
    return text in subprocess.run(["ps", "-ww", "-eo", "args="], capture_output=True, text=True, check=True).stdout


def within(seconds: float, true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.1)
    return true()


def test_kafka_starts_answers_and_goes():
    with Kafka() as kafka:
        metadata = AdminClient({"bootstrap.servers": kafka.address}).list_topics(timeout=10)
        assert list(metadata.brokers) == [1]
        folder = kafka.folder
        assert runs(str(folder))
    assert not folder.exists()
    assert not runs(str(folder))
    assert VERSION.startswith("4.")


def test_postgresql_starts_answers_and_goes():
    with Postgres() as postgres:
        with psycopg.connect(postgres.conninfo) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        folder = postgres.folder
    assert not folder.exists()
    assert not runs(str(folder))


def test_a_broker_that_dies_in_the_middle(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(servers, "ANSWER_S", 1)
    with Kafka() as kafka:
        os.kill(_child_of(kafka.pid), signal.SIGKILL)
        assert within(10, lambda: not kafka.alive)
        with pytest.raises(LabError, match=rf"No Kafka answers at {kafka.address}"):
            servers.Servers(kafka.address, "").check()
    assert not kafka.folder.exists()


def test_nothing_is_left_when_the_parent_is_killed():
    before = ours()
    code = "from course.lab.postgres import Postgres; s = Postgres(); print(s.folder, flush=True); input()"
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    folder = parent.stdout.readline().strip()
    assert runs(folder)
    parent.kill()
    parent.communicate()
    assert within(15, lambda: not runs(folder) and not Path(folder).exists())
    assert ours() <= before


def test_a_server_that_ends_while_it_starts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("course.lab.postgres._SETTINGS", {"no_such_setting": "on"})
    before = ours()
    with pytest.raises(LabError, match=r"PostgreSQL ended while it started\. It said last: .*no_such_setting"):
        Postgres()
    assert ours() <= before


def _child_of(pid: int) -> int:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=True)
    return int(found.stdout.split()[0])
