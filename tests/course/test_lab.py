"""What the lab says where something is missing; it needs no server."""

import os
import re
import signal
import socket
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import cast

import pytest
import yaml

from course import grading
from course.catalog import exercises, root
from course.cli import main
from course.lab import LabError, judging, kafka, keeper, postgres, servers
from course.lab.actors import Activity
from course.lab.guarded import HOST, Guarded
from course.lab.rounds import Round
from unreliable import Process, Program, Scenario


@pytest.fixture
def course(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A course whose build folder is empty: no servers are running, no Kafka is fetched."""
    (tmp_path / "exercises").mkdir()
    (tmp_path / "tests/graders").mkdir(parents=True)
    monkeypatch.setenv("COURSE_ROOT", str(tmp_path))
    return tmp_path


def commands(folder: Path, **scripts: str) -> str:
    """A folder with nothing in it but these commands, for PATH."""
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return str(folder)


JAVA_17 = """echo 'openjdk version "17.0.1" 2021-10-19' >&2"""


def test_without_java(course: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", commands(course / "bin"))
    with pytest.raises(LabError, match=r"no `java` .* Install Java 17 .*--kafka ADDRESS.*docker"):
        kafka.Kafka()


def test_with_a_java_that_is_too_old(course: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", commands(course / "bin", java="""echo 'java version "1.8.0_292"' >&2"""))
    with pytest.raises(LabError, match=r"needs Java 17 or later; .*1\.8\.0"):
        kafka.Kafka()


def test_without_maven(course: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", commands(course / "bin", java=JAVA_17))
    with pytest.raises(LabError, match=r"no `mvn` .* Install Maven"):
        kafka.Kafka()


def test_without_a_network(course: Path, monkeypatch: pytest.MonkeyPatch):
    scripts = commands(course / "bin", java=JAVA_17, mvn="echo '[ERROR] Unknown host repo'; exit 1")
    monkeypatch.setenv("PATH", scripts)
    with pytest.raises(LabError, match=r"cannot fetch Kafka .*Unknown host repo.*Is there a network"):
        kafka.Kafka()
    assert not list((course / "build").rglob(".complete"))


def test_without_postgresql(course: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "_INSTALLED", course / "nothing")
    monkeypatch.setenv("PATH", commands(course / "bin"))
    with pytest.raises(LabError, match=r"no `initdb` .*apt install postgresql.*--postgres CONNINFO"):
        postgres.Postgres()


def test_without_docker(course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("PATH", commands(course / "bin", ps="exit 1"))
    assert main(["lab", "up", "--with", "docker"]) == 2
    assert "no `docker`" in capsys.readouterr().err


def test_with_a_docker_that_does_not_run(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    refusal = "echo 'Cannot connect to the Docker daemon' >&2; exit 1"
    monkeypatch.setenv("PATH", commands(course / "bin", docker=refusal))
    assert main(["lab", "up", "--with", "docker"]) == 2
    assert "failed: Cannot connect to the Docker daemon" in capsys.readouterr().err


@pytest.mark.parametrize("server", [kafka.Kafka, postgres.Postgres])
def test_with_a_port_that_is_taken(server: type[kafka.Kafka], course: Path, monkeypatch: pytest.MonkeyPatch):
    jars = course / "build/lab" / f"kafka-{kafka.VERSION}"
    jars.mkdir(parents=True)
    (jars / ".complete").touch()
    scripts = commands(course / "bin", java=JAVA_17, initdb="", postgres="")
    monkeypatch.setenv("PATH", f"{scripts}:{os.environ['PATH']}")
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LabError, match=rf"Port {port} .* is taken.*End what listens there"):
            server(port)


def test_the_wrong_address_of_a_broker(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(servers, "ANSWER_S", 1)
    with socket.socket() as closed:
        closed.bind((HOST, 0))
        address = f"{HOST}:{closed.getsockname()[1]}"
        with pytest.raises(LabError, match=rf"No Kafka answers at {address}.*Is the address right"):
            servers.Servers(address, "").check()


def test_one_address_of_two():
    with pytest.raises(LabError, match="Name both servers"), servers.servers("127.0.0.1:9092"):
        pass


def test_the_status_where_nothing_runs(course: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["lab", "status"]) == 1
    assert "No servers are running" in capsys.readouterr().out
    assert main(["lab", "down"]) == 0


def test_a_note_of_servers_that_are_gone(course: Path, capsys: pytest.CaptureFixture[str]):
    servers.note(servers.Servers("127.0.0.1:1", "", "maven", os.getpid()))
    assert main(["lab", "status"]) == 1
    assert main(["lab", "down"]) == 0  # and this process, which has the number that was noted, lives
    assert "No servers" in capsys.readouterr().out


@pytest.fixture
def own_signals() -> Generator[None]:
    """What this process does when it is asked to end is as before."""
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


def lasting(name: str, seconds: float) -> type[Guarded]:
    """A server that ends by itself after so long."""

    class Lasting(Guarded):
        address = conninfo = "nowhere"

        def __init__(self) -> None:
            folder = Path(tempfile.mkdtemp(prefix="course-lasting-"))
            super().__init__(name, ["sh", "-c", f"sleep {seconds}; echo out of memory"], folder, {})

    return Lasting


@pytest.mark.usefixtures("own_signals")
def test_when_one_server_ends_the_other_is_ended_too(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(keeper, "LOOKS_EVERY_S", 0.1)
    monkeypatch.setattr(servers, "Kafka", lasting("Kafka", 60))
    monkeypatch.setattr(servers, "Postgres", lasting("PostgreSQL", 0.5))
    assert keeper.main() == 1
    assert "PostgreSQL ended by itself. It said last: out of memory" in capsys.readouterr().err
    assert not (course / "build/lab/servers.json").exists()


def test_without_its_clients(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    assert main(["lab", "status"]) == 2
    assert "needs the package confluent_kafka, which `make install`" in capsys.readouterr().err


def test_docker_compose_starts_the_same_broker():
    services = yaml.safe_load((root() / "lab/compose.yaml").read_text())["services"]
    assert services["kafka"]["image"] == f"apache/kafka:{kafka.VERSION}"
    composed = services["kafka"]["environment"]
    settings = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in kafka.SETTINGS.items()}
    own = {"KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_CONTROLLER_QUORUM_VOTERS"}
    assert {name: value for name, value in composed.items() if name not in own} == settings
    published = [port for service in services.values() for port in service["ports"]]
    assert published == ["127.0.0.1:9092:9092", "127.0.0.1:5432:5432"]


def test_the_page_names_the_exercises_that_the_lab_takes():
    sentence = re.search(r"The lab takes the exercises .*? refuses", (root() / "docs/lab.md").read_text(), re.S)
    assert sentence is not None
    named = re.findall(r"`(.+?)`", sentence[0])
    wanted = {
        exercise: {name for process in grading.scenario_of(exercise).processes for name in process.objects}
        for exercise in exercises()
    }
    taken = {exercise.id for exercise, names in wanted.items() if names <= judging.LIFE_HAS}
    assert {exercise.id for exercise in wanted if {exercise.id, exercise.topic} & {*named}} == taken


@pytest.mark.parametrize("strikes", [True, False])
def test_a_fault_that_never_strikes_is_no_survival(monkeypatch: pytest.MonkeyPatch, strikes: bool):
    def play(*_: object) -> Round:
        activity = Activity({"consumer": [("AIOConsumer.poll", "before", 3)]})
        activity.counts = {"crash": 1} if strikes else {}
        return Round(None, activity)

    monkeypatch.setattr(judging, "play", play)
    consumer = Process("consumer", "consume", ("consumer",))
    scenario = Scenario("payments", (consumer,), lambda _: None, faults=frozenset({"crash"}))
    program = Program("async def consume(consumer): ...", "consume.py")
    stage, say = cast("judging.Stage", None), lambda _: None  # nobody looks at either
    judge = judging.Judge(stage, program, "grader.py", {"crash": 2}, say=say)
    if strikes:
        assert judge(scenario, program).passed
    else:
        with pytest.raises(LabError, match=r"crash never struck in \d+ rounds"):
            judge(scenario, program)
