"""How a conformance program is written: once, for the model and for Apache Kafka.

Rules
- A program is a function that takes a `Stage` and returns its processes: async functions whose parameters are the
  clients that they want (`consumer`, `producer`, one of `OTHER_PRODUCERS`, `clock`), as in a scenario. Its
  docstring is its rule, and the last line of that is where Kafka defines it.
- What it observes it tells with `stage.see`. The observations of both runs have to be equal: records, offsets,
  errors by name; never times, addresses, or texts of errors.
- Processes that depend on each other wait with `stage.reached` and `stage.waits_for`.
- A rule that the model leaves out is marked: `absent` says why. Then `expected` says what Kafka does, and the
  program must not come out the same on the model: else the mark has had its time.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

LOSE_REPLY, LOSE_REQUEST, DUPLICATE = "lose reply", "lose request", "duplicate"
Entry = Callable[..., Any]

# Parameters for producers that are not the one that the program configures, and their configuration.
OTHER_PRODUCERS: dict[str, dict[str, Any]] = {"plain": {}, "idempotent": {"enable.idempotence": True}}


@dataclass(frozen=True)
class Fault:
    """The `nth` request of a kind, counted from 1, or its reply gets lost; named as in the model.

    `lasts`: so are all that follow, until the program says `stage.mend()`. *duplicate*: the broker gets the
    request once more when the program says `stage.deliver_late()`: after the next record of the producer.
    """

    request: str
    action: str
    nth: int = 1
    lasts: bool = False


@dataclass(frozen=True)
class Program:
    """One rule of Kafka's, as something that can be run."""

    write: Callable[["Stage"], Entry | tuple[Entry, ...]]
    rules: tuple[int, ...]
    partitions: int
    consumer: dict[str, Any]
    producer: dict[str, Any]
    fault: Fault | None
    absent: str | None
    expected: Any

    @property
    def name(self) -> str:
        return self.write.__name__

    @property
    def area(self) -> str:
        """The module that it stands in."""
        return self.write.__module__.rpartition(".")[2]

    @property
    def rule(self) -> str:
        return " ".join("".join(self._doc[:-1]).split())

    @property
    def source(self) -> str:
        return self._doc[-1].strip()

    @property
    def _doc(self) -> list[str]:
        lines = (self.write.__doc__ or "").strip().splitlines(keepends=True)
        assert len(lines) > 1, f"{self.name}: its docstring has to end with a line that is its source"
        return lines

    def processes(self, stage: "Stage") -> tuple[Entry, ...]:
        written = self.write(stage)
        return written if isinstance(written, tuple) else (written,)


PROGRAMS: list[Program] = []


def program(  # noqa: PLR0913
    *rules: int,
    partitions: int = 1,
    consumer: dict[str, Any] | None = None,
    producer: dict[str, Any] | None = None,
    fault: Fault | None = None,
    absent: str | None = None,
    expected: Any = None,
) -> Callable[[Callable[["Stage"], Any]], Callable[["Stage"], Any]]:
    """Registers a program. `rules` are the numbers that the reference page lists it under."""

    def register(write: Callable[["Stage"], Any]) -> Callable[["Stage"], Any]:
        assert (absent is None) == (expected is None)
        PROGRAMS.append(Program(write, rules, partitions, consumer or {}, producer or {}, fault, absent, expected))
        return write

    return register


async def _at_once() -> None:
    """The model's network has delivered it by itself."""


@dataclass
class Stage:
    """What a program's processes share: the topic, and what they have seen."""

    topic: str
    group: str
    place_of: type[Any]  # the TopicPartition of the client library
    seen: list[Any] = field(default_factory=list[Any])
    marks: set[str] = field(default_factory=set[str])
    mend: Callable[[], None] = lambda: None
    deliver_late: Callable[[], Awaitable[None]] = _at_once

    def see(self, *values: Any) -> None:
        """Notes an observation: plain data, messages, positions, errors."""
        self.seen.append(tuple(map(self._plain, values)) if len(values) != 1 else self._plain(values[0]))

    def place(self, partition: int, offset: int = -1001) -> Any:
        """A partition of the topic, as the client library takes it; without an offset, none."""
        return self.place_of(self.topic, partition, offset)

    async def attempt(self, what: Awaitable[Any]) -> Any:
        """The result, or the name of the error in it; of a transactional producer's error also its kind."""
        try:
            return await what
        except Exception as error:
            return _named(error)

    def reached(self, mark: str) -> None:
        self.marks.add(mark)

    async def waits_for(self, mark: str, clock: Any, most_s: float = 30) -> None:
        for _ in range(round(most_s / 0.1)):
            if mark in self.marks:
                return
            await clock.sleep(0.1)
        raise TimeoutError(f"nobody reached {mark!r}")

    def _plain(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | int | str | bytes):
            return value.replace(self.topic, "topic") if isinstance(value, str) else value
        if isinstance(value, list | tuple):
            return [self._plain(item) for item in value]
        if callable(getattr(value, "headers", None)):
            if value.error() is not None:
                return value.error().name()
            return (value.partition(), value.offset(), value.key(), value.value())
        if hasattr(value, "partition"):
            return (value.partition, value.offset)
        raise TypeError(f"{value!r} is no observation")


def _named(error: Exception) -> str:
    first: Any = error.args[0] if error.args else None
    if not hasattr(first, "name"):
        return type(error).__name__
    kinds = {"fatal": first.fatal(), "retriable": first.retriable(), "abort": first.txn_requires_abort()}
    return " ".join((first.name(), *(kind for kind, is_so in kinds.items() if is_so)))


async def poll_all(consumer: Any, count: int, most: int = 40) -> list[Any]:
    """The next `count` messages; fewer if so many polls bring no more."""
    messages: list[Any] = []
    for _ in range(most):
        if len(messages) == count:
            break
        message = await consumer.poll(0.5)
        if message is not None:
            messages.append(message)
    return messages


async def send(producer: Any, topic: str, *values: str, partition: int = 0) -> None:
    """Produces these values one after the other, each acknowledged."""
    for value in values:
        acknowledged = await producer.produce(topic, value, key=value, partition=partition)
        await producer.flush()
        await acknowledged
