"""The wire: requests and replies as lines of JSON, for a process that lives in another interpreter.

Rules
- Only plain data and the dataclasses of `unreliable.requests` cross; anything else is a `WireError`.
- A dataclass is an object with its name under "is"; bytes are {"bytes": hex}; tuples are lists, and come back
  as tuples, so that what arrives equals what was sent.
- What arrives has the types that its dataclass declares, exactly; a number that counts or lasts is not negative.
- Nothing that arrives is executed, unpickled or looked up by a name that is not in `KINDS`.
"""

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeAliasType, cast, get_args, get_origin, get_type_hints

from unreliable import requests
from unreliable.program import Problem

MOST_BYTES = 1024 * 1024  # of one line
MOST_NUMBER = 2**63

KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        *requests.Request.__subclasses__(),
        *(
            requests.Record,
            requests.Delivered,
            requests.Rebalance,
            requests.Notice,
            requests.Rows,
            requests.Failure,
            Problem,
        ),
    )
}

type Check = Callable[[Any], bool]


class WireError(ValueError):
    """What came over the wire is none of what may cross it."""


def encode(value: Any) -> bytes:
    """One line, with its end. Raises WireError for what may not cross."""
    try:
        line = _ENCODER.encode(value).encode() + b"\n"
    except (ValueError, TypeError, RecursionError) as error:
        raise WireError(f"not a message: {error}") from None
    if len(line) > MOST_BYTES:
        raise WireError(f"a message of {len(line):,} bytes; at most {MOST_BYTES:,} cross")
    return line


def decode(line: bytes) -> Any:
    """The value of one line. Raises WireError for what was not made by `encode`."""
    if len(line) > MOST_BYTES or not line.endswith(b"\n"):
        raise WireError("a line that is too long, or not ended")
    try:
        value = _DECODER.decode(line.decode())
        if isinstance(value, dict):
            return {name: _tupled(item) for name, item in cast("dict[str, Any]", value).items()}
        return _tupled(value)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WireError(f"not a message: {str(error)[:100]}") from None


def _out(value: Any) -> Any:
    """What JSON does not know."""
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    name = type(value).__name__
    if name not in KINDS or not is_dataclass(value):
        raise WireError(f"{name} does not cross the wire")
    return {"is": name} | {field: getattr(value, field) for field in _CHECKS[name]}


def _in(found: dict[str, Any]) -> Any:
    """A JSON object: a dataclass, bytes, or the names and values of a question or an answer."""
    if "is" in found:
        name = found.pop("is")
        checks = _CHECKS[name]
        if found.keys() != checks.keys():
            raise WireError(f"{name} has other fields")
        values = {field: _tupled(value) for field, value in found.items()}
        for field, check in checks.items():
            if not check(values[field]):
                raise WireError(f"{name}.{field} is none")
        return KINDS[name](**values)
    if "bytes" in found:
        return bytes.fromhex(found["bytes"])
    return found


def _tupled(value: Any) -> Any:
    if type(value) is list:
        return tuple(map(_tupled, cast("list[Any]", value)))
    if type(value) is dict:
        raise WireError("an object without a name")
    return value


_ENCODER = json.JSONEncoder(default=_out, separators=(",", ":"))
_DECODER = json.JSONDecoder(object_hook=_in)


# What the fields of a dataclass may be


def _is_plain(value: Any) -> bool:
    if type(value) is tuple:
        return all(map(_is_plain, cast("tuple[Any, ...]", value)))
    return type(value) in _PLAIN


_PLAIN = frozenset({NoneType, bool, int, float, str, bytes})


def _is_number(value: Any) -> bool:
    return type(value) is int and abs(value) < MOST_NUMBER


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < MOST_NUMBER


def _check(hint: Any, number: Check = _is_number) -> Check:
    """Whether a value has exactly this type."""
    if hint in {requests.Plain, int}:
        return number if hint is int else _is_plain
    if isinstance(hint, TypeAliasType):
        return _check(hint.__value__)
    parts = [_check(part, number) for part in get_args(hint) if part is not ...]
    if isinstance(hint, UnionType):
        return lambda value: any(part(value) for part in parts)
    if get_origin(hint) is not tuple:
        return lambda value: type(value) is hint
    if ... in get_args(hint):
        return lambda value: type(value) is tuple and all(map(parts[0], cast("tuple[Any, ...]", value)))
    return lambda value: _is_row(value, parts)


def _is_row(value: Any, parts: list[Check]) -> bool:
    return (
        type(value) is tuple
        and len(cast("tuple[Any, ...]", value)) == len(parts)
        and all(part(item) for part, item in zip(parts, cast("tuple[Any, ...]", value), strict=True))
    )


def _checks(kind: Any) -> dict[str, Check]:
    hints = get_type_hints(kind)
    counts = {field.name for field in fields(kind) if field.name.endswith("_ms") or field.name == "most"}
    return {name: _check(hint, _is_count if name in counts else _is_number) for name, hint in hints.items()}


_CHECKS: dict[str, dict[str, Check]] = {name: _checks(kind) for name, kind in KINDS.items()}
