"""Scenarios: what a grader runs, and how it says what went wrong.

Rules
- A scenario is data: topics, tables, processes, the faults that are allowed, and the check of the end.
- The check looks at what lasts (tables, logs, committed offsets) when the world has come to rest, never at
  the way there: two runs that end alike are judged alike. The exploration depends on it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from unreliable.kafka import consumer_config, producer_config
from unreliable.kafka.consumer_config import ConsumerConfig
from unreliable.kafka.producer_config import ProducerConfig
from unreliable.process import Entry, parameters_of
from unreliable.requests import Plain

if TYPE_CHECKING:
    from unreliable.world import World

# docs/reference.md says what each of them does to which request.
FAULTS = ("crash", "lose", "duplicate", "delay", "pause", "error", "retry", "move", "rebalance")

# The ways in which a trace can be wrong. Where Jepsen has a name, it is Jepsen's.
ANOMALIES = {
    "duplicate effect": "an effect that must happen once happened twice",
    "lost message": "a message was taken for done, and its effect never happened",
    "lost update": "of two writes that each built on what was read before, one is gone",
    "torn write": "of two writes that belong together one happened",
    "reordering": "effects happened in another order than they were sent in",
    "zombie write": "a process wrote after its right to write had gone to another",
    "aborted read": "an effect was seen of what was rolled back",
    "wrong effect": "an effect happened that nobody asked for",
    "unreadable state": "the check of the end cannot make sense of what a run left behind",
    "wrong answer": "what was asked for was answered wrongly",
    "memory survived the crash": "a process knew after a crash what only its memory had held",
    "unbounded memory": "a process keeps more in memory than it may, and more the longer it runs",
    "stuck": "the run never comes to rest, or rests with work undone",
}


@dataclass(frozen=True)
class Anomaly:
    """The named way in which a run is wrong, and one sentence about this run."""

    name: str
    sentence: str

    def __post_init__(self) -> None:
        if self.name not in ANOMALIES:
            raise ValueError(f"{self.name!r} is not in the glossary: {', '.join(ANOMALIES)}")


@dataclass(frozen=True)
class Process:
    """A process of a scenario.

    `run` is the name of a function in the learner's file, or an async function that the course supplies.
    `faults` are those of the scenario that may befall it; None means all, and "pause poll" a pause only before one
    of its polls. `group` is its consumer group and
    `subscribes` names the topics that it reads; none means all. `producer` and `consumer` are what its clients are
    configured with, by librdkafka's names (`kafka/producer_config.py`, `kafka/consumer_config.py`); raises
    ValueError for what the model does not know. `idempotence` is short for `enable.idempotence`.
    With `start_ms=None` a process stands by: it starts when a fault *rebalance* befalls another of its group.
    """

    name: str
    run: str | Entry
    parameters: tuple[str, ...] = ()
    group: str = "group"
    subscribes: tuple[str, ...] = ()
    start_ms: int | None = 0
    faults: frozenset[str] | None = None
    idempotence: bool = False
    producer: Mapping[str, Plain] = field(default_factory=dict[str, Plain])
    consumer: Mapping[str, Plain] = field(default_factory=dict[str, Plain])
    producer_config: ProducerConfig = field(init=False, repr=False, compare=False)
    consumer_config: ConsumerConfig = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        producer = {"enable.idempotence": True, **self.producer} if self.idempotence else self.producer
        object.__setattr__(self, "producer_config", producer_config.parse(producer))
        object.__setattr__(self, "consumer_config", consumer_config.parse(self.consumer))
        if self.consumer_config.group_id is not None:
            object.__setattr__(self, "group", self.consumer_config.group_id)

    @property
    def objects(self) -> tuple[str, ...]:
        """The names of the objects that the process is handed."""
        return self.parameters if isinstance(self.run, str) else parameters_of(self.run)


@dataclass(frozen=True)
class Scenario:
    """Everything that one run starts from.

    `topics` gives each topic's number of partitions, `max_message_bytes` the largest record batch that they take;
    `transaction_version` is that of the clients (`kafka/transactions.py`, rule 13);
    `slots` names the database's replication slots; `supplies` makes, by name, what processes are handed besides
    the clients; `most_values` is how many values a process of the learner's may keep in memory.
    """

    name: str
    processes: tuple[Process, ...]
    check: Callable[["World"], Anomaly | None]
    topics: tuple[tuple[str, int], ...] = ()
    tables: str = ""
    faults: frozenset[str] = frozenset()
    pause_ms: int = 8_000
    most_steps: int = 2_000
    supplies: tuple[tuple[str, Callable[[], object]], ...] = ()
    most_values: int | None = None
    slots: tuple[str, ...] = ()
    max_message_bytes: int = 1_048_588  # Kafka's default
    transaction_version: int = 1

    def __post_init__(self) -> None:
        unknown = self.faults.difference(FAULTS)
        if unknown:
            raise ValueError(f"no such faults: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
        if "rebalance" in self.faults and all(process.start_ms is not None for process in self.processes):
            raise ValueError("the fault rebalance lets a process join that has start_ms=None; there is none")
        consumers = [process for process in self.processes if "consumer" in process.objects]
        for group in {consumer.group for consumer in consumers}:
            configs = [consumer.consumer_config for consumer in consumers if consumer.group == group]
            if len({config.group_protocol for config in configs}) > 1:
                raise ValueError(f"the consumers of {group!r} need the same group.protocol")
            if not any(all(name in config.strategies for config in configs) for name in configs[0].strategies):
                raise ValueError(f"the consumers of {group!r} have no partition.assignment.strategy in common")

    def with_faults(self, *faults: str) -> "Scenario":
        return replace(self, faults=frozenset(faults))
