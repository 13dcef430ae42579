"""`course lab run`: real processes on real servers, judged by the same graders as in the page."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from course.catalog import Exercise
from course.cli import main
from course.lab import rounds, servers, stage
from course.lab.kafka import Kafka

EXERCISE = Exercise("03-idempotency/dedup_consumer")
CRASHES = "test_a_crash_at_every_await"


@pytest.fixture(scope="module")
def addresses() -> Generator[list[str]]:
    with servers.servers(os.environ.get("COURSE_KAFKA"), os.environ.get("COURSE_POSTGRES")) as running:
        yield ["--kafka", running.kafka, "--postgres", running.postgres]


def run(path: Path, addresses: list[str], *options: str) -> int:
    return main(["lab", "run", str(path), "--against", "kafka", *addresses, *options])


def test_the_solution_survives_being_killed(addresses: list[str], capfd: pytest.CaptureFixture[str]):
    assert run(EXERCISE.solution, addresses, "--test", CRASHES, "--kills", "6") == 0
    said = capfd.readouterr().out
    assert "✓ The consumer may die at each of its awaits" in said
    assert "crash 6 times" in said or "crash 7 times" in said or "crash 8 times" in said


def test_the_solution_survives_standing_still(addresses: list[str], capfd: pytest.CaptureFixture[str]):
    options = ("--test", "test_two_consumers_of_one_group", "--kills", "0", "--pauses", "3", "--cuts", "1")
    assert run(EXERCISE.solution, addresses, *options) == 0
    said = capfd.readouterr().out
    assert "pause" in said
    assert "cut 1 times" in said


def test_the_solution_survives_lost_answers(addresses: list[str]):
    options = ("--test", "test_an_answer_that_does_not_arrive", "--losses", "4")
    assert run(EXERCISE.solution, addresses, *options) == 0


def test_the_solution_survives_cancelled_statements(addresses: list[str]):
    options = ("--test", "test_a_database_that_fails_for_a_moment", "--errors", "2")
    assert run(EXERCISE.solution, addresses, *options) == 0


def test_a_broker_that_dies_in_the_middle_is_nobodys_mistake(
    addresses: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stage, "ANSWER_S", 2)
    monkeypatch.setattr(servers, "ANSWER_S", 2)
    with Kafka() as kafka:
        killer = threading.Timer(8, kafka.close)
        killer.start()
        try:
            assert run(EXERCISE.solution, ["--kafka", kafka.address, *addresses[2:]]) == 2
        finally:
            killer.join()
    said = capfd.readouterr()
    assert f"No Kafka answers at {kafka.address}" in said.err or "A server went away" in said.err
    assert "duplicate" not in said.out + said.err
    assert not left_running()


def left_running() -> str:
    """The processes of the lab's rounds, as `ps` tells them."""
    found = subprocess.run(["pgrep", "-f", "course.lab.life"], capture_output=True, text=True, check=False)
    return found.stdout


@pytest.mark.parametrize("name", ["place_order", "relay", "cdc_relay"])
def test_the_outbox_survives_being_killed(name: str, addresses: list[str]):
    """Among them what reads the log of PostgreSQL by a slot, and what Kafka refuses."""
    exercise = Exercise(f"04-outbox/{name}")
    assert run(exercise.solution, addresses, "--test", CRASHES, "--kills", "6") == 0


def test_a_message_that_kafka_refuses_is_parked(addresses: list[str]):
    options = ("--test", "test_a_message_that_is_too_large", "--kills", "2")
    assert run(Exercise("04-outbox/relay").solution, addresses, *options) == 0


def test_the_starter_is_caught(addresses: list[str], capfd: pytest.CaptureFixture[str]):
    assert run(EXERCISE.starter, addresses, "--test", CRASHES) == 1
    assert "duplicate effect" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("name", "test", "anomaly"),
    [
        ("deduplicates_by_contents", "test_every_payment_is_applied", "lost message"),
        ("marks_before_applying", CRASHES, "lost message"),
        ("marks_after_applying", CRASHES, "duplicate effect"),
    ],
)
def test_a_wrong_submission_is_caught(
    name: str, test: str, anomaly: str, addresses: list[str], capfd: pytest.CaptureFixture[str]
):
    path = next(path for path in EXERCISE.submissions("wrong") if path.stem == name)
    assert run(path, addresses, "--test", test) == 1
    assert anomaly in capfd.readouterr().out


def test_a_round_that_does_not_come_to_rest_is_played_once_more(
    addresses: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(rounds, "LONGEST_S", 0.2)
    assert run(EXERCISE.solution, addresses, "--test", CRASHES) == 1
    said = capfd.readouterr().out
    assert "consumer has told nothing yet" in said
    assert "2 rounds on Apache Kafka" in said
    assert not left_running()


def test_nothing_is_left_running_when_the_lab_is_killed(addresses: list[str]):
    lab = subprocess.Popen(
        [Path(sys.executable).with_name("course"), "lab", "run", EXERCISE.solution, *addresses, "--test", CRASHES],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert lab.stderr is not None
    assert "round 1" in lab.stderr.readline()
    deadline = time.monotonic() + 10
    while not left_running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left_running()
    lab.kill()
    lab.communicate()
    deadline = time.monotonic() + 10
    while left_running() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left_running()
