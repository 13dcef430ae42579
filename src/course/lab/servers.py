"""Which Kafka and which PostgreSQL a lab uses: those that run, those that the user names, or its own.

Rules
- An address that the user gives comes first; then what `course lab up` has started; else servers of our own, which
  end with the command.
- `up` notes what it started in build/lab/servers.json; `down` ends exactly that.
- Nothing is used before it has answered.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from course.catalog import root
from course.lab import LabError
from course.lab.guarded import find
from course.lab.kafka import Kafka
from course.lab.postgres import Postgres

ANSWER_S = 5
START_S = 400  # the first start fetches Kafka
KINDS = ("maven", "docker")
COMPOSED = ("127.0.0.1:9092", "host=127.0.0.1 port=5432 user=postgres password=postgres dbname=postgres")


@dataclass(frozen=True)
class Servers:
    """Where the servers are, and who has started them: `maven` and `docker` are ours, `user` is not."""

    kafka: str
    postgres: str
    by: str = "user"
    pid: int = 0  # of the process that keeps them

    def check(self) -> None:
        """Raises LabError if one of them does not answer."""
        _check_kafka(self.kafka)
        _check_postgres(self.postgres)


def _check_kafka(address: str) -> None:
    from confluent_kafka import KafkaException  # noqa: PLC0415 (only the lab has it)
    from confluent_kafka.admin import AdminClient  # noqa: PLC0415

    try:
        client = AdminClient({"bootstrap.servers": address, "log_level": 0}, logger=_SILENCE)
        client.list_topics(timeout=ANSWER_S)
    except KafkaException as error:
        raise LabError(
            f"No Kafka answers at {address} ({error.args[0].str()}). Is the address right (HOST:PORT), and does "
            "the broker run? `course lab up` starts one."
        ) from None


def _check_postgres(conninfo: str) -> None:
    import psycopg  # noqa: PLC0415

    try:
        psycopg.connect(conninfo, connect_timeout=ANSWER_S).close()
    except psycopg.Error as error:
        raise LabError(
            f"No PostgreSQL answers to {conninfo!r}: {str(error).strip()} An address looks like "
            "'host=127.0.0.1 port=5432 user=postgres dbname=postgres'. `course lab up` starts one."
        ) from None


@contextlib.contextmanager
def started() -> Generator[tuple[Kafka, Postgres]]:
    """Servers of our own, for the length of a `with`."""
    with ThreadPoolExecutor(2) as pool, contextlib.ExitStack() as stack:
        starting = [pool.submit(Kafka), pool.submit(Postgres)]
        failed = [error for error in (future.exception() for future in starting) if error]
        running = [stack.enter_context(future.result()) for future in starting if not future.exception()]
        if failed:
            raise failed[0]
        kafka, postgres = running
        assert isinstance(kafka, Kafka)
        assert isinstance(postgres, Postgres)
        yield kafka, postgres


def own(kafka: Kafka, postgres: Postgres) -> Servers:
    """Where the servers are that this process has started."""
    return Servers(kafka.address, postgres.conninfo, "maven", os.getpid())


@contextlib.contextmanager
def servers(kafka: str | None = None, postgres: str | None = None) -> Generator[Servers]:
    """The servers to use: see the rules above."""
    running = _read()
    if kafka and postgres:
        running = Servers(kafka, postgres)
    elif kafka or postgres:
        raise LabError("Name both servers, --kafka ADDRESS and --postgres CONNINFO, or neither.")
    if running is None:
        with started() as (own_kafka, own_postgres):
            yield own(own_kafka, own_postgres)
        return
    running.check()
    yield running


# Servers that stay


def _state() -> Path:
    return root() / "build" / "lab" / "servers.json"


def _read() -> Servers | None:
    """What `up` has started, if it still runs."""
    try:
        noted = Servers(**json.loads(_state().read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    if noted.pid and not _runs(noted.pid):
        _state().unlink(missing_ok=True)
        return None
    return noted


def _runs(pid: int) -> bool:
    """Whether this is (still) a process of ours that keeps servers."""
    said = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout
    return "course.lab.keeper" in said


def note(running: Servers) -> None:
    """Lets later commands find these servers."""
    _state().parent.mkdir(parents=True, exist_ok=True)
    _state().write_text(json.dumps(asdict(running)), encoding="utf-8")


def forget() -> None:
    _state().unlink(missing_ok=True)


def up(kind: str) -> Servers:
    """Starts servers that stay, or finds those that run."""
    running = _read()
    if running is not None:
        running.check()
        return running
    return _compose_up() if kind == "docker" else _keep()


def _keep() -> Servers:
    log = _state().with_name("keeper.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "course.lab.keeper"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_S
    while (running := _read()) is None:
        if keeper.poll() is not None:
            raise LabError(log.read_text("utf-8", "replace").strip())
        if time.monotonic() > deadline:
            keeper.terminate()
            raise LabError(f"The servers did not start within {START_S} s; {log} may say why.")
        time.sleep(0.1)
    return running


def _compose(*arguments: str) -> None:
    docker = find("docker", "Install Docker, or leave `--with docker` out: then Java and PostgreSQL are enough.")
    file = root() / "lab" / "compose.yaml"
    done = subprocess.run(
        [docker, "compose", "-f", str(file), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise LabError(f"`docker compose {' '.join(arguments)}` failed: {said[-1]}")


def _compose_up() -> Servers:
    _compose("up", "--detach", "--wait")
    running = Servers(*COMPOSED, by="docker")
    running.check()
    note(running)
    return running


def down() -> bool:
    """Ends what `up` has started; says whether there was anything."""
    running = _read()
    if running is None:
        return False
    if running.by == "docker":
        _compose("down", "--volumes")
    elif running.pid:
        os.kill(running.pid, signal.SIGTERM)
        while _runs(running.pid):
            time.sleep(0.1)
    forget()
    return True


def status() -> tuple[Servers | None, str]:
    """What `up` has started, and what is the matter with it."""
    running = _read()
    if running is None:
        return None, ""
    try:
        running.check()
    except LabError as error:
        return running, str(error)
    return running, ""


class _Silence:
    """A logger for a client whose failure is told by its exception."""

    def log(self, *_: object) -> None:
        return None


_SILENCE = _Silence()
