"""What a process keeps in memory: how many values its program could still get at.

Rules
- Counted are the values in its local variables, also those of the coroutines that it awaits, in its module's
  globals, and in all containers and objects of its own classes that can be reached from there.
- Code is no memory: functions, classes and modules do not count, but what functions have captured does.
- A long number or text counts as one value more for each `UNIT` bytes of it.
"""

import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from inspect import isasyncgen, iscoroutine, isfunction, isgenerator
from typing import Any

from unreliable.program import MODULE_NAME

UNIT = 64


def count(roots: Iterable[Any], most: int) -> int:
    """How many values can be reached; counting ends as soon as there are more than `most`."""
    found, seen = 0, set[int]()
    waiting = [value for root in roots for value in _inside(root)]
    while waiting and found <= most:
        value = waiting.pop()
        if id(value) in seen and not isinstance(value, int | str | bytes):
            continue
        seen.add(id(value))
        found += _weight(value)
        waiting += _inside(value)
    return found


def _weight(value: Any) -> int:
    if isfunction(value) or isinstance(value, type) or not _is_data(value):
        return 0
    return 1 + (sys.getsizeof(value) // UNIT if isinstance(value, int | str | bytes) else 0)


def _is_data(value: Any) -> bool:
    kinds = (int, float, str, bytes, bytearray, list, tuple, set, frozenset, deque, Mapping)
    return isinstance(value, kinds) or type(value).__module__ == MODULE_NAME


def _inside(value: Any) -> Iterator[Any]:  # noqa: PLR0911
    """The values directly inside of one."""
    if iscoroutine(value):
        return _of_frame(value.cr_frame, value.cr_await)
    if isgenerator(value):
        return _of_frame(value.gi_frame, value.gi_yieldfrom)
    if isasyncgen(value):
        return _of_frame(value.ag_frame, value.ag_await)
    if isfunction(value):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        return iter([*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()])
    if isinstance(value, Mapping):
        return (part for item in value.items() if not str(item[0]).startswith("__") for part in item)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple | set | frozenset | deque):
        return iter(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if getattr(value, "__module__", None) == MODULE_NAME:  # a class of the program's, or an object of one
        slots = (getattr(value, name, None) for name in getattr(value, "__slots__", ()))
        return iter([*getattr(value, "__dict__", {}).values(), *slots])
    return iter(())


def _of_frame(frame: Any, awaited: Any) -> Iterator[Any]:
    return iter([*(frame.f_locals.values() if frame is not None else ()), awaited])
