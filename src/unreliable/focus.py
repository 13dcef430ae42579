"""What a story is about: of a failing run, the events that make it another run than the one without faults.

Rules
- A unit is what one process does from one beginning to the next: it starts, is given partitions, sleeps, reads a
  record, receives a message. A process that never reads or receives begins anew with each request outside of a
  transaction.
- A unit is ordinary if the run without faults has it too, and nothing leaves the faultless path in it. A record
  that is read only once may as well be read by another: the same work is ordinary, whoever does it.
- Ordinary units are left out. So are those between the first and the last of a process that differ only in
  numbers, values and what is read, and such events within a unit.
- The story ends with the last event that changes what lasts, unless a fault comes later.
- While it has fewer than `MOST` events, those next to it are told too, rather after it than before; if it has
  more, it is abridged.
- A run that fails without a fault has no other to be compared with: of it only repeats and the end are left out.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from itertools import pairwise

from unreliable.abridge import HEARS, MOST, TURNS, abridge, is_cause
from unreliable.diagram.layout import is_fault
from unreliable.trace import CRASH, EXCEPTION, PAUSE, Event

ENDS = (CRASH, EXCEPTION)
_OFFSET = re.compile(r"\boffset (\d+)")
_MINTED = re.compile(r"'[0-9a-f-]{8,}'")
_VALUE = re.compile(r"'[^']*'|-?\d+")

type Unit = tuple[Event, ...]
type Key = tuple[object, ...]


def focus(events: Sequence[Event], faultless: Sequence[Event] = ()) -> tuple[Event, ...]:
    """The events that tell the story; `faultless` are those of the same program's run without faults."""
    other = _extraordinary(list(_units(events)), list(_units(faultless)))
    changes = {event.step for before, event in pairwise(events) if before.state != event.state}
    end = _end(events, changes)
    units = [tuple(event for event in unit if event.step <= end) for unit in other if unit[0].step <= end]
    told = {event.step for unit in _unrepeated(units, _alike) for event in _unrepeated(unit, _alike_alone)}
    if len(told) < MOST:
        near = sorted(events, key=lambda event: (_distance(event.step, told), event.step))
        told.update(event.step for event in near[:MOST])
    return tuple(abridge([event for event in events if event.step in told], changes))


def _units(events: Sequence[Event]) -> Iterator[Unit]:
    for process in dict.fromkeys(event.process for event in events):
        mine = [event for event in events if event.process == process]
        hears = any(event.kind in HEARS for event in mine)
        unit: list[Event] = []
        transactions = 0
        for event in mine:
            goes_on = hears or transactions or event.kind in (*ENDS, PAUSE)
            if unit and (event.kind in TURNS or not goes_on):
                yield tuple(unit)
                unit = []
            unit.append(event)
            transactions += (event.kind == "begin") - (event.kind in ("commit", "rollback"))
            transactions = 0 if event.kind in ENDS else max(transactions, 0)
        yield tuple(unit)


def _extraordinary(units: Sequence[Unit], faultless: Sequence[Unit]) -> list[Unit]:
    """The units that the run without faults has not, or not so often."""
    reads = Counter(_record(unit) for unit in units)
    met = Counter(map(_exactly, units))
    ordinary = Counter(map(_exactly, faultless))
    done = set(map(_whoever, faultless))

    def is_ordinary(unit: Unit) -> bool:
        if any(map(is_fault, unit)):
            return False
        if unit[0].kind == "poll":
            return reads[_record(unit)] == 1 and _whoever(unit) in done
        return met[_exactly(unit)] <= ordinary[_exactly(unit)]

    return [unit for unit in units if not is_ordinary(unit)]


def _record(unit: Unit) -> Key:
    return unit[0].kind, unit[0].to, unit[0].label.partition(" ")[2]  # without its offset


def _whoever(unit: Unit) -> Key:
    """What the unit does, and what comes of it, without who does it, where in the log, and with which new id."""
    first = next((int(offset[1]) for event in unit if (offset := _OFFSET.search(event.text))), 0)

    def words(event: Event) -> str:
        text = _MINTED.sub("…", event.text.removeprefix(event.process))
        return _OFFSET.sub(lambda offset: f"offset +{int(offset[1]) - first}", text)

    return tuple((event.kind, event.to, event.lost, words(event)) for event in unit)


def _exactly(unit: Unit) -> Key:
    return unit[0].process, *_whoever(unit)


def _alike(unit: Unit) -> Key:
    """What units have in common that differ in numbers and values only."""
    return unit[0].process, *((event.kind, event.to, event.lost, _outline(event)) for event in unit)


def _outline(event: Event) -> str:
    text = _VALUE.sub("…", event.text)
    return text.partition(": ")[0] if event.kind == "read" else text


def _alike_alone(event: Event) -> Key:
    return _alike((event,))


def _unrepeated[T](things: Sequence[T], key: Callable[[T], Key]) -> list[T]:
    """Without those between the first and the last that are alike."""
    keys = list(map(key, things))
    first = {key: number for number, key in reversed(list(enumerate(keys)))}
    last = {key: number for number, key in enumerate(keys)}
    return [thing for number, thing in enumerate(things) if number in (first[keys[number]], last[keys[number]])]


def _end(events: Sequence[Event], changes: Set[int]) -> int:
    """The step after which nothing happens that matters."""
    last = max(changes, default=0)
    if last <= max((event.step for event in events if is_cause(event)), default=-1):
        return events[-1].step if events else 0
    return max([last, *(event.step for event in events if is_fault(event))])


def _distance(step: int, told: set[int]) -> int:
    return min((step - one if step >= one else 2 * (one - step) for one in told), default=step)
