"""A trace for a terminal: one numbered sentence per event, then what lasts.

Rules
- No line is longer than `COLUMNS` characters; a longer sentence goes on in the next line.
- The columns are step, time, process, line of the learner's file, sign, sentence.
- Signs: ✗ it dies, ↻ it starts again, ↯ lost or refused, ‖ it stands still, ● durable from here on.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

from unreliable.diagram.escaping import plain
from unreliable.diagram.layout import Layout, is_fault
from unreliable.trace import CRASH, EXCEPTION, PAUSE, RESTART, Event, Trace

COLUMNS = 100
MOST_ROWS = 12
WIDEST_CELL = 30

_SIGNS = {CRASH: "✗", EXCEPTION: "✗", RESTART: "↻", PAUSE: "‖"}


def text(trace: Trace, told: Sequence[Event] = ()) -> str:
    """A run, or those of its events that are `told`; ends with tables and committed offsets."""
    layout = Layout(trace, told)
    width = max((_columns(event.process) for event in layout.events), default=0)
    lines: list[str] = []
    for number, event in enumerate(layout.events):
        lines += _left_out(layout.left_out_before(number))
        lines += _event(layout, event, width)
    lines += _left_out(layout.left_out_after)
    state = trace.events[-1].state if trace.events else {}
    return "\n".join([*lines, *_state(state)]) + "\n"


def summary(trace: Trace) -> str:
    """The faults of a run in one line."""
    faults = [event.text for event in trace.events if is_fault(event)]
    return plain("; ".join(faults)) or "nothing goes wrong"


def _left_out(count: int) -> list[str]:
    return [f"     ⋯ {count:,} event{'s' * (count != 1)} left out"] if count else []


def _event(layout: Layout, event: Event, width: int) -> Iterator[str]:
    line = f"line {event.line}" if event.line else ""
    process = _padded(plain(event.process), width)
    start = f"{event.step + 1:4} {event.time_ms / 1000:9.3f} s  {process}  {line:8} {_sign(layout, event)} "
    room = max(COLUMNS - _columns(start), 30)
    first, *rest = wrap(plain(_sentence(event)), room) or [""]
    yield start + first
    for more in rest:
        yield " " * _columns(start) + more


def _sign(layout: Layout, event: Event) -> str:
    if event.kind in _SIGNS:
        return _SIGNS[event.kind]
    return "↯" if is_fault(event) else "●" if layout.lasts(event) else " "


def _sentence(event: Event) -> str:
    """The event's sentence without the process, which has a column of its own."""
    return event.text.removeprefix(event.process).lstrip(": ")


# What lasts


def _state(state: dict[str, Any]) -> Iterator[str]:
    for name, table in state.get("tables", {}).items():
        yield ""
        yield f"Table {plain(name)}"
        yield from (f"  {line}" for line in _table(table["columns"], table["rows"]))
    if state.get("logs"):
        yield ""
        yield "Logs"
        for name, log in state["logs"].items():
            count = log[-1]["offset"] + 1 if log else 0
            yield f"  {plain(name)}: {count} record{'s' * (count != 1)}{_committed(state, name)}"


def _committed(state: dict[str, Any], lane: str) -> str:
    """Up to where each group has committed this log."""
    mine: list[str] = []
    for key, offset in state["committed"].items():
        group, _, log = key.rpartition(" ")
        if log == lane:
            mine.append(f"{plain(group)} has committed offset {offset}")
    return f"; {', '.join(mine) or 'nothing committed'}"


def _table(columns: list[str], rows: list[list[Any]]) -> Iterator[str]:
    shown = [columns, *([_cell(value) for value in row] for row in rows[:MOST_ROWS])]
    cells = [[_shortened(plain(cell)) for cell in row] for row in shown]
    widths = [max(map(_columns, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        yield _shortened("  ".join(map(_padded, row, widths)).rstrip(), COLUMNS - 2)
        if not number:
            yield _shortened("  ".join("─" * width for width in widths), COLUMNS - 2)
    if len(rows) > MOST_ROWS:
        yield f"⋯ {len(rows) - MOST_ROWS} more"
    if not rows:
        yield "(no rows)"


def _cell(value: Any) -> str:
    return "NULL" if value is None else " ".join(str(value).split())


def _shortened(cell: str, most: int = WIDEST_CELL) -> str:
    return cell if len(cell) <= most else cell[: most - 1] + "…"


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _columns(cell))


def _columns(cell: str) -> int:
    """How many columns of a terminal a text takes."""
    return sum(_width(character) for character in cell)


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
