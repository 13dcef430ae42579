"""The wire: requests and replies as lines of JSON, for a process that lives in another interpreter.

Rules
- Only plain data and the dataclasses of `unreliable.requests` cross; anything else is a `WireError`.
- A dataclass is an object with its name under "is"; bytes are {"bytes": hex}; tuples are lists, and come back
  as tuples, so that what arrives equals what was sent.
- Nothing that arrives is executed, unpickled or looked up by a name that is not in `KINDS`.
"""

import json
from dataclasses import fields, is_dataclass
from typing import Any, cast

from unreliable import requests
from unreliable.program import Problem

MOST_BYTES = 1024 * 1024  # of one line

KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (*requests.Request.__subclasses__(), requests.Record, requests.Rows, requests.Failure, Problem)
}


class WireError(ValueError):
    """What came over the wire is none of what may cross it."""


def encode(value: Any) -> bytes:
    """One line, with its end. Raises WireError for what may not cross."""
    line = json.dumps(_out(value)).encode() + b"\n"
    if len(line) > MOST_BYTES:
        raise WireError(f"a message of {len(line):,} bytes; at most {MOST_BYTES:,} cross")
    return line


def decode(line: bytes) -> Any:
    """The value of one line. Raises WireError for what was not made by `encode`."""
    if len(line) > MOST_BYTES or not line.endswith(b"\n"):
        raise WireError("a line that is too long, or not ended")
    try:
        return _in(json.loads(line))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WireError(f"not a message: {error}") from None


def _out(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            return {"bytes": value.hex()}
        case tuple() | list():
            return [_out(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case dict():
            return {"map": {name: _out(item) for name, item in value.items()}}  # pyright: ignore[reportUnknownVariableType]
        case _ if is_dataclass(value) and type(value).__name__ in KINDS:
            return {"is": type(value).__name__} | {f.name: _out(getattr(value, f.name)) for f in fields(value)}
        case _:
            raise WireError(f"{type(value).__name__} does not cross the wire")


def _in(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_in, cast("list[Any]", value)))
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    match found:
        case {"bytes": str(text)}:
            return bytes.fromhex(text)
        case {"map": items}:
            return {name: _in(item) for name, item in items.items()}
        case {"is": str(name)}:
            return KINDS[name](**{key: _in(item) for key, item in found.items() if key != "is"})
        case _:
            raise WireError("an object without a name")
