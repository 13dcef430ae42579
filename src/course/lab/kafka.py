"""Apache Kafka without Docker: a KRaft broker out of Maven Central, for as long as it is needed.

Rules
- The broker's jars are fetched once, with `mvn`, into build/lab; `pom.xml` beside this file names the version.
- One node is broker and controller. It listens on 127.0.0.1 only, and its data is in a temporary folder.
- `SETTINGS` differ from Kafka's defaults only where one node, or an impatient reader, needs it; compose.yaml has
  the same.
"""

import base64
import re
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

from course.catalog import root
from course.lab import LabError
from course.lab.guarded import HOST, Guarded, answers, find, forbid_taken, free_port

POM = Path(__file__).with_name("pom.xml")
VERSION = re.findall(r"<kafka.version>(.+)</kafka.version>", POM.read_text("utf-8"))[0]
LEAST_JAVA = 17

SETTINGS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    # One node holds everything.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # Nobody waits longer than the lesson needs.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.consumer.min.heartbeat.interval.ms": "200",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    # A mistyped topic is an error, as in production.
    "auto.create.topics.enable": "false",
}
_JVM = (
    *("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
    *("-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-Djava.awt.headless=true"),
)
_OTHERWISE = "Or name a Kafka that runs already: --kafka ADDRESS; or use Docker: `course lab up --with docker`."


class Kafka(Guarded):
    """A running broker; `address` is its bootstrap server."""

    def __init__(self, port: int | None = None) -> None:
        java = _java()
        jars = _jars()
        if port is not None:
            forbid_taken("Kafka", port)
        self.port = port or free_port()
        self.address = f"{HOST}:{self.port}"
        folder = Path(tempfile.mkdtemp(prefix="course-kafka-"))
        settings = _settings(self.port, free_port(), folder / "data")
        file = folder / "server.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        command = [java, *_JVM, "-cp", f"{jars}/*"]
        _format(command, file)
        super().__init__("Kafka", [*command, "kafka.Kafka", str(file)], folder, {})
        self.await_ready(lambda: answers(self.port))


def _settings(port: int, controller: int, data: Path) -> Mapping[str, str]:
    listeners = f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller}"
    return SETTINGS | {
        "listeners": listeners,
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "log.dirs": str(data),
    }


def _format(command: list[str], file: Path) -> None:
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    formatted = subprocess.run(
        [*command, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "-c", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    if formatted.returncode:
        raise LabError(f"Kafka cannot format its storage. {formatted.stdout}{formatted.stderr}".strip())


def _java() -> str:
    java = find(
        "java", f"Install Java {LEAST_JAVA} or later (Debian: apt install default-jre-headless). {_OTHERWISE}"
    )
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found[1]) < LEAST_JAVA:
        raise LabError(f"Kafka {VERSION} needs Java {LEAST_JAVA} or later; `java -version` says: {said.strip()}")
    return java


def _jars() -> Path:
    """The folder of the broker's jars; fetched the first time."""
    folder = root() / "build" / "lab" / f"kafka-{VERSION}"
    done = folder / ".complete"
    if done.exists() and done.stat().st_mtime >= POM.stat().st_mtime:
        return folder
    mvn = find("mvn", f"Install Maven (Debian: apt install maven). {_OTHERWISE}")
    fetched = subprocess.run(
        [mvn, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if fetched.returncode:
        lines = [line for line in fetched.stdout.splitlines() if line.startswith("[ERROR]")]
        raise LabError(f"mvn cannot fetch Kafka {VERSION}: {' '.join(lines[:1])} Is there a network? {_OTHERWISE}")
    done.touch()
    return folder
