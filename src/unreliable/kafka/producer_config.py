"""What a producer is made with: the names of librdkafka's configuration, as far as the model knows them.

Rules, and where they are defined
- The names, values and defaults are those of librdkafka's CONFIGURATION.md; any other is an error that says which
  there are.
- 9. A transactional producer is idempotent. An idempotent one needs acks=all, retries, and no more than five
  requests in flight: asking for both is an error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from unreliable.kafka import settings
from unreliable.requests import Plain

MOST_IN_FLIGHT = 5

# name: whether a value is one, and what it is meant to be
_SETTINGS: dict[str, tuple[Callable[[Plain], bool], str]] = {
    "enable.idempotence": (lambda value: type(value) is bool, "True or False"),
    "transactional.id": (lambda value: type(value) is str and value != "", "a text"),
    "transaction.timeout.ms": (lambda value: type(value) is int and value > 0, "a number of milliseconds"),
    "acks": (lambda value: value in {"all", -1, "-1"}, "'all': here every acknowledgement is of all replicas"),
    "retries": (lambda value: type(value) is int and value >= 0, "a number"),
    "max.in.flight": (lambda value: type(value) is int and value > 0, "a number"),
}


@dataclass(frozen=True, slots=True)
class ProducerConfig:
    """A producer's configuration, with the defaults for what it does not name."""

    idempotence: bool = False
    transactional_id: str | None = None
    transaction_timeout_ms: int = 60_000


def parse(config: Mapping[str, Plain]) -> ProducerConfig:
    """Raises ValueError for a name or a value that the model does not know, or that contradicts another."""
    for name, value in config.items():
        if name not in _SETTINGS:
            raise settings.unknown("producer", name, _SETTINGS)
        right, wanted = _SETTINGS[name]
        if not right(value):
            raise ValueError(f"{name}={value!r} is none: {wanted}")
    given: dict[str, object] = dict(config)
    transactional = "transactional.id" in given
    idempotence = given.get("enable.idempotence", transactional)
    if transactional and not idempotence:
        raise ValueError("transactional.id requires enable.idempotence=True")
    if idempotence and (given.get("retries") == 0 or int(str(given.get("max.in.flight", 1))) > MOST_IN_FLIGHT):
        raise ValueError(f"enable.idempotence needs retries, and max.in.flight of at most {MOST_IN_FLIGHT}")
    found = ProducerConfig(bool(idempotence))
    return ProducerConfig(
        found.idempotence,
        str(given["transactional.id"]) if transactional else None,
        int(str(given.get("transaction.timeout.ms", found.transaction_timeout_ms))),
    )
