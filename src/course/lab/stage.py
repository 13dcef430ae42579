"""Where a round of the lab happens: its topics, its tables, and the view of both that a check is given.

Rules
- Topics and tables have the names that the scenario gives them, as the learner's file uses these. Topics are made
  anew for each round; tables are in a schema of the lab's own, so nothing else in that database is touched.
- A topic that was there before us is not ours to delete: that is refused.
- `View` has what a check may ask of the model's world, by the same names.
"""

import contextlib
import re
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from psycopg.conninfo import make_conninfo

from course.lab import LabError
from course.lab.servers import Servers
from unreliable import Scenario

SCHEMA: LiteralString = "effectively_once_lab"
PATIENCE_S = 30
ANSWER_S = 10
END_SESSIONS: LiteralString = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name"


class Stage:
    """The topics and tables of one round after the other. It is a context manager."""

    def __init__(self, servers: Servers) -> None:
        self.servers = servers
        self.postgres = make_conninfo(servers.postgres, options=f"-c search_path={SCHEMA}")
        self._admin: Any = AdminClient({"bootstrap.servers": servers.kafka, "log_level": 0})
        self._ours: set[str] = set()

    def __enter__(self) -> "Stage":
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(KafkaException, TimeoutError):  # a server that is gone has nothing of ours
            self._delete(self._ours)
        with (
            contextlib.suppress(psycopg.OperationalError),
            psycopg.connect(self.servers.postgres, autocommit=True) as connection,
        ):
            connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")

    def begin(self, scenario: Scenario, groups: dict[str, str]) -> "View":
        """Everything as the scenario begins. `groups` gives the name that each group has in this round."""
        topics = dict(scenario.topics)
        own_servers = self.servers.by != "user"  # what a lab that was killed has left there is ours, too
        self._delete(set(topics) if own_servers else self._ours & topics.keys())
        self._create(topics, scenario.max_message_bytes)
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            sessions = (
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE %s"
            )
            connection.execute(sessions, (f"{SCHEMA}-%",))
            connection.execute("SET client_min_messages = warning")
            connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
            connection.execute(f"CREATE SCHEMA {SCHEMA}")
            if scenario.tables:
                connection.execute(scenario.tables.encode())
        return View(self.servers, self.postgres, scenario, groups)

    def _create(self, topics: dict[str, int], max_message_bytes: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        wanted = set(topics)
        config = {"max.message.bytes": str(max_message_bytes)}
        while wanted:
            futures: dict[str, Future[Any]] = self._admin.create_topics(
                [NewTopic(name, topics[name], 1, config=config) for name in sorted(wanted)]
            )
            for name, future in futures.items():
                try:
                    future.result(ANSWER_S)
                    wanted.discard(name)
                    self._ours.add(name)
                except KafkaException as error:
                    self._complain(name, error, deadline)
            time.sleep(0.05 if wanted else 0)

    def _complain(self, name: str, error: KafkaException, deadline: float) -> None:
        """Raises LabError unless it is worth trying again: our own topic that is still being deleted."""
        exists = error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS
        if exists and (name in self._ours or self.servers.by != "user") and time.monotonic() < deadline:
            return
        if exists:
            raise LabError(
                f"There is a topic {name!r} at {self.servers.kafka} already, and the lab deletes only its own. "
                "Delete it, or leave --kafka and --postgres out: then the lab starts servers of its own."
            ) from None
        raise LabError(f"Kafka does not create the topic {name!r}: {error.args[0].str()}.") from None

    def _delete(self, names: set[str]) -> None:
        if names:
            futures: dict[str, Future[Any]] = self._admin.delete_topics(sorted(names))
            for future in futures.values():
                try:
                    future.result(ANSWER_S)
                except KafkaException:
                    continue  # it is gone already, or creating it anew will tell


@dataclass
class Struck:
    """How many faults there were."""

    faults: int = 0


class View:
    """What lasts, in the words of the model's world: `database.query`, `broker.lag`, `choices.faults`."""

    def __init__(self, servers: Servers, postgres: str, scenario: Scenario, groups: dict[str, str]) -> None:
        self.scenario = scenario
        self.choices = Struck()
        self.database = _Database(postgres)
        self.broker = _Broker(servers.kafka, groups, dict(scenario.topics))

    def close(self) -> None:
        self.database.close()
        self.broker.close()


class _Database:
    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True)

    def query(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a SELECT on what is committed. Where rows are only inserted, ctid is SQLite's rowid."""
        translated = re.sub(r"\browid\b", "ctid", sql.replace("?", "%s"))
        return self._connection.execute(translated.encode(), parameters or None).fetchall()

    def close(self) -> None:
        self._connection.close()


class _Broker:
    def __init__(self, address: str, groups: dict[str, str], topics: dict[str, int]) -> None:
        self._topics = topics
        self._groups = groups
        self._settings = {"bootstrap.servers": address, "log_level": 0, "enable.auto.commit": False}
        self._consumers: dict[str, Consumer] = {}

    def lag(self, group: str, topic: str) -> int:
        """How many records of the topic the group has not committed yet."""
        consumer = self._consumer(group)
        places = [TopicPartition(topic, number) for number in range(self._topics[topic])]
        lag = 0
        for place in consumer.committed(places, timeout=ANSWER_S):
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, place.partition), timeout=ANSWER_S)
            lag += max(0, end - max(0, place.offset))
        return lag

    def _consumer(self, group: str) -> Consumer:
        """A consumer that belongs to no group: it only asks."""
        if group not in self._consumers:
            self._consumers[group] = Consumer(self._settings | {"group.id": self._groups.get(group, group)})
        return self._consumers[group]

    def close(self) -> None:
        for consumer in self._consumers.values():
            consumer.close()
