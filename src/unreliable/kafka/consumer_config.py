"""What a consumer is made with: the names of librdkafka's configuration, as far as the model knows them.

Rules, and where they are defined
- The names and values are those of librdkafka's CONFIGURATION.md; any other is an error that says which there are.
- Where a scenario says nothing, a consumer is what the course's exercises expect: it reads from the start, commits
  by hand, and its session is short, so that stories stay short. `MADE_FOR_THE_COURSE` says what librdkafka has
  there.
- `max.poll.interval.ms` counts only where a scenario sets it: librdkafka's five minutes are longer than a story.
- `share.record.lock.duration.ms` is the group's on the broker, and stands here because a scenario has no other
  place.
- `sticky` is an assignor of the Java client's; librdkafka has the other three.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from unreliable.kafka import settings
from unreliable.kafka.assignors import ASSIGNORS, COOPERATIVE
from unreliable.requests import Plain

SESSION_TIMEOUT_MS = 6_000

# name: (here, librdkafka's default)
MADE_FOR_THE_COURSE = {
    "auto.offset.reset": ("earliest", "latest"),
    "enable.auto.commit": (False, True),
    "session.timeout.ms": (SESSION_TIMEOUT_MS, 45_000),
    "max.poll.interval.ms": (None, 300_000),
}

_CHOICES: dict[str, tuple[object, ...]] = {
    "auto.offset.reset": ("earliest", "latest", "error"),
    "enable.auto.commit": (False, True),
    "enable.auto.offset.store": (False, True),
    "group.protocol": ("classic", "consumer"),
    "share.acknowledgement.mode": ("implicit", "explicit"),
    "isolation.level": ("read_committed", "read_uncommitted"),
}
_TEXTS = ("group.id", "group.instance.id")
_LOCK = "share.record.lock.duration.ms"
_TIMES_MS = ("session.timeout.ms", "max.poll.interval.ms", "auto.commit.interval.ms", _LOCK)
_STRATEGIES = "partition.assignment.strategy"
NAMES = (*_CHOICES, *_TEXTS, *_TIMES_MS, _STRATEGIES)


@dataclass(frozen=True, slots=True)
class ConsumerConfig:
    """A consumer's configuration, with the defaults for what it does not name."""

    group_id: str | None = None
    group_instance_id: str | None = None
    group_protocol: str = "classic"
    strategies: tuple[str, ...] = ("range", "roundrobin")
    session_timeout_ms: int = SESSION_TIMEOUT_MS
    max_poll_interval_ms: int | None = None
    auto_offset_reset: str = "earliest"
    enable_auto_commit: bool = False
    auto_commit_interval_ms: int = 5_000
    enable_auto_offset_store: bool = True
    share_acknowledgement_mode: str = "implicit"
    share_record_lock_duration_ms: int = 30_000
    isolation_level: str = "read_committed"

    @property
    def cooperative(self) -> bool:
        """Whether only what moves is given up in a rebalance."""
        return self.group_protocol == "consumer" or self.strategies[0] in COOPERATIVE


def parse(config: Mapping[str, Plain]) -> ConsumerConfig:
    """Raises ValueError for a name or a value that the model does not know."""
    found: dict[str, object] = {}
    for name, value in config.items():
        if name not in NAMES:
            raise settings.unknown("consumer", name, NAMES)
        if name == _STRATEGIES:
            found["strategies"] = _strategies(value)
        else:
            found[name.replace(".", "_")] = _checked(name, value)
    for name in ("session.timeout.ms", _STRATEGIES):
        if config.get("group.protocol") == "consumer" and name in config:
            raise ValueError(f"with group.protocol=consumer {name} is the broker's to say (KIP-848)")
    parsed = ConsumerConfig(**found)  # pyright: ignore[reportArgumentType] checked one by one
    if parsed.max_poll_interval_ms is not None and parsed.max_poll_interval_ms < parsed.session_timeout_ms:
        raise ValueError("max.poll.interval.ms must be at least session.timeout.ms, says librdkafka")
    return parsed


def _checked(name: str, value: Plain) -> Plain:
    if name in _CHOICES:
        choices = _CHOICES[name]
        right, wanted = value in choices, f"one of {', '.join(map(repr, choices))}"
    elif name in _TEXTS:
        right, wanted = type(value) is str and value != "", "a text"
    else:
        right, wanted = type(value) is int and value > 0, "a number of milliseconds"
    if not right:
        raise ValueError(f"{name}={value!r} is none: {wanted}")
    return value


def _strategies(value: Plain) -> tuple[str, ...]:
    names = tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else ()
    unknown = [name for name in names if name not in ASSIGNORS]
    if unknown or not names:
        raise ValueError(f"{_STRATEGIES}={value!r} is none: of {', '.join(ASSIGNORS)}, with commas between them")
    if len({name in COOPERATIVE for name in names}) > 1:
        raise ValueError(f"{_STRATEGIES}={value!r} mixes eager and cooperative: librdkafka refuses that")
    return names
