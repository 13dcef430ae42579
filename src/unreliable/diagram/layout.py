"""Where everything lies on the diagram: lanes from left to right, one row per event, and what lasts for rows.

Rules
- A lane is a process, a log, or the database. Processes keep the scenario's order, logs the order of their
  names; how the two interleave is chosen so that the arrows are short.
- A row is `ROW` high; one that carries a note, or comes after a long time, is higher. Only what is told has a row,
  and only lanes that it comes by are there.
- A stretch is what a process is in for several rows: alive, down, paused, waiting, or in a transaction.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, pairwise

from unreliable.trace import CRASH, DATABASE, EXCEPTION, FAILS, PAUSE, RESTART, RETURN, START, Event, Trace

GUTTER = 64
HEADER = 50
ROW = 26
NOTE = 15
LONG_MS = 500  # a time in which nothing happened that is worth a gap
GAP = 14
LEGEND_ROWS = 12  # the names of the lanes come again after so many rows
LEGEND = 24
NARROWEST, WIDEST = 132, 196  # from lane to lane
NARROWEST_NETWORK = 196  # where messages go from row to row, arrows need the width
MOST_LANES_TO_ORDER = 10

TRANSACTIONS = ("committed", "rolled back", "open")
DURABLE = ("produce", "resend", "commit offset", "commit")
ENDS = (CRASH, EXCEPTION, RETURN)
NOTES = {
    "resend": "sent again",
    "duplicate": "delivered twice",
    "delay": "delayed",
    "refused": "refused",
}


def note(event: Event) -> str:
    """What stands below the arrow of an event that leaves the faultless path."""
    if event.lost == "reply":
        return "answer lost"
    if event.lost == "request":
        return "lost" if event.kind == "send" else "request lost"
    if event.kind == "error":
        return (event.text.partition(FAILS)[2].split() or ["fails"])[0]
    return NOTES.get(event.kind, "")


def is_fault(event: Event) -> bool:
    """Whether this event leaves the faultless path."""
    return bool(note(event)) or event.kind in (CRASH, EXCEPTION, PAUSE)


@dataclass(frozen=True)
class Stretch:
    """Rows `first` to `last` of a process. `last` is None where it goes on at the end of the trace.

    `what`: alive, down, pause, wait, committed, rolled back, open. `depth` counts transactions around it.
    """

    process: str
    what: str
    first: int
    last: int | None
    depth: int = 0

    def encloses(self, step: int) -> bool:
        """Whether it is a transaction that this step of its process is in."""
        return self.what in TRANSACTIONS and self.first < step and (self.last is None or step < self.last)


class Layout:
    """The places of one trace's lanes and rows, in pixels; of all its events, or of those that are `told`."""

    def __init__(self, trace: Trace, told: Sequence[Event] = ()) -> None:
        self.events = told or trace.events
        self._all = trace.events
        lanes = {lane for event in self.events for lane in (event.process, event.to)}
        shown = [lane for lane in trace.lanes if lane in lanes] if told else trace.lanes
        self.processes = [lane for lane in shown if any(e.process == lane for e in self._all)]
        self.lanes = _order(shown, self.processes, self.events)
        longest = max((text_width(event.label) for event in self.events), default=0)
        narrowest = NARROWEST if len(self.lanes) > len(self.processes) else NARROWEST_NETWORK
        self.gap = min(max(round(longest) + 30, narrowest), WIDEST)
        self.width = max([GUTTER + self.gap * len(self.lanes), *map(self._right_end, self.events)])

    def x(self, lane: str) -> float:
        """The middle of a lane."""
        return GUTTER + self.gap * (self.lanes.index(lane) + 0.5)

    def side(self, event: Event) -> int:
        """1 if the event is drawn to the right of its process, -1 if to the left."""
        mine = self.lanes.index(event.process)
        if event.to is None:
            return -1 if mine == len(self.lanes) - 1 and mine else 1
        return 1 if self.lanes.index(event.to) >= mine else -1

    def _right_end(self, event: Event) -> int:
        """Up to where a label that stands beside its process reaches."""
        beside = event.to is None and self.side(event) > 0
        return round(self.x(event.process) + text_width(event.label, 13)) + 24 if beside else 0

    @cached_property
    def rows(self) -> dict[int, float]:
        """The y of each event's arrow, by its step."""
        return {event.step: y for event, (y, _) in zip(self.events, self._places, strict=True)}

    def y(self, step: int) -> float:
        """Where a step lies, also one without a row: then above the next row, or below the last."""
        if step in self.rows:
            return self.rows[step]
        following = next((event for event in self.events if event.step > step), None)
        return self.rows[following.step] - ROW + 2 if following else self.height - NOTE

    @cached_property
    def legends(self) -> list[float]:
        """The y of each line that names the lanes again."""
        return [legend for _, legend in self._places if legend is not None]

    @cached_property
    def height(self) -> float:
        last = self.events[-1] if self.events else None
        bottom = (self.rows[last.step] if last else HEADER) + (NOTE if last and note(last) else 0) + ROW
        return bottom + (ROW if self.left_out_after else 0)

    @cached_property
    def _places(self) -> list[tuple[float, float | None]]:
        places: list[tuple[float, float | None]] = []
        y = float(HEADER)
        for number, event in enumerate(self.events):
            legend = None
            if number and number % LEGEND_ROWS == 0:
                legend = y + LEGEND
                y += LEGEND
            y += ROW + (GAP if self.gap_before(number) else 0)
            places.append((y, legend))
            y += NOTE if note(event) else 0
        return places

    def gap_before(self, number: int) -> bool:
        """Whether much time has passed since the event before, or events between them are left out."""
        if self.left_out_before(number):
            return True
        return bool(number) and self.events[number].time_ms - self.events[number - 1].time_ms >= LONG_MS

    def left_out_before(self, number: int) -> int:
        """How many events between this one and the one before are not told."""
        return self.events[number].step - (self.events[number - 1].step if number else -1) - 1

    @cached_property
    def left_out_after(self) -> int:
        """How many events after the last are not told."""
        return self._all[-1].step - self.events[-1].step if self.events else 0

    # What lasts

    @cached_property
    def stretches(self) -> list[Stretch]:
        return [stretch for process in self.processes for stretch in self._stretches(process)]

    def _stretches(self, process: str) -> Iterator[Stretch]:
        mine = [event for event in self._all if event.process == process]
        yield from _lives(process, mine)
        yield from _halts(process, mine)
        yield from _transactions(process, mine, self._resumed)

    def lasts(self, event: Event) -> bool:
        """Whether from this event on something outlives every crash."""
        if event.kind == "write":
            return not any(s.process == event.process and s.encloses(event.step) for s in self.stretches)
        return event.kind in DURABLE and event.lost != "request"

    @cached_property
    def _resumed(self) -> int:
        """The first step after those that the trace left out."""
        together = pairwise(self._all)
        return next((after.step for before, after in together if after.step > before.step + 1), len(self._all))

    # Messages between processes

    @cached_property
    def arrivals(self) -> dict[int, list[int]]:
        """For each step that sends to a process: the steps that receive it."""
        arrivals: dict[int, list[int]] = {}
        for event in self._all:
            if event.kind == "receive":
                sent = self._sent(event, arrivals)
                if sent is not None:
                    arrivals.setdefault(sent, []).append(event.step)
        told = {event.step for event in self.events}
        return {
            sent: kept for sent, steps in arrivals.items() if (kept := [step for step in steps if step in told])
        }

    def from_afar(self, receive: Event) -> bool:
        """Whether the message was not sent in the row above: then its label says which one it is."""
        sent = receive.step - 1
        return sent not in self.rows or receive.step not in self.arrivals.get(sent, ())

    def _sent(self, receive: Event, arrivals: dict[int, list[int]]) -> int | None:
        """The first message that can be this one; a delayed one only if no other can."""
        alike = [
            event
            for event in self._all
            if event.step < receive.step
            and (event.process, event.to, event.label) == (receive.to, receive.process, receive.label)
            and event.kind in ("send", "delay", "duplicate")
            and event.lost is None
            and len(arrivals.get(event.step, [])) < (2 if event.kind == "duplicate" else 1)
        ]
        return min((((e.kind == "delay"), e.step) for e in alike), default=(False, None))[1]


def _lives(process: str, mine: list[Event]) -> Iterator[Stretch]:
    """From start to end a process is alive, from its end to its restart it is down."""
    what, since = "", 0
    for event in mine:
        if event.kind in (START, RESTART):
            if what:
                yield Stretch(process, what, since, event.step)
            what, since = "alive", event.step
        elif event.kind in ENDS and what == "alive":
            yield Stretch(process, what, since, event.step)
            what, since = ("" if event.kind == RETURN else "down"), event.step
    if what:
        yield Stretch(process, what, since, None)


def _halts(process: str, mine: list[Event]) -> Iterator[Stretch]:
    """A pause and a wait for a lock last until the process does something again."""
    for number, event in enumerate(mine):
        if event.kind in (PAUSE, "wait"):
            later = (e.step for e in mine[number + 1 :] if e.kind != "expire")
            yield Stretch(process, event.kind, event.step, next(later, None))


def _transactions(process: str, mine: list[Event], resumed: int) -> Iterator[Stretch]:
    """Each BEGIN with how its transaction ended; unless that was left out before the step `resumed`."""
    begun: list[int] = []
    for event in mine:
        if event.step >= resumed:
            begun = [step for step in begun if step >= resumed]
        if event.kind == "begin":
            begun.append(event.step)
        elif event.kind == "rollback" or (event.kind == "commit" and event.lost != "request"):
            what = "rolled back" if event.kind == "rollback" else "committed"
            if begun:
                yield Stretch(process, what, begun.pop(), event.step, len(begun))
        elif event.kind == "commit" or event.kind in ENDS:
            while begun:
                yield Stretch(process, "rolled back", begun.pop(), event.step, len(begun))
    for depth, first in enumerate(begun):
        yield Stretch(process, "open", first, None, depth)


def _order(lanes: list[str], processes: list[str], events: Sequence[Event]) -> list[str]:
    """The lanes, interleaved so that the arrows are short."""
    others = sorted((lane for lane in lanes if lane not in processes and lane != DATABASE), key=_numbers_last)
    natural = [*processes, *others, *([DATABASE] if DATABASE in lanes else [])]
    arrows = {(event.process, event.to) for event in events if event.to}
    if len(lanes) > MOST_LANES_TO_ORDER:
        return natural

    def way(order: list[str]) -> int:
        place = {lane: number for number, lane in enumerate(order)}
        turns = sum((one in others) != (other in others) for one, other in pairwise(order))
        return turns + sum(abs(place[one] - place[other]) for one, other in arrows)

    return min(_interleavings(processes, others, DATABASE in lanes), key=way, default=natural)


def _interleavings(processes: list[str], others: list[str], database: bool) -> Iterator[list[str]]:
    """Every order in which the processes and the logs keep theirs, and the database stands anywhere."""
    count = len(processes) + len(others)
    for chosen in combinations(range(count), len(processes)):
        rest_of = {True: iter(processes), False: iter(others)}
        order = [next(rest_of[place in chosen]) for place in range(count)]
        if not database:
            yield order
            continue
        for place in range(count, -1, -1):
            yield [*order[:place], DATABASE, *order[place:]]


def _numbers_last(lane: str) -> tuple[str, int]:
    name, number = re.fullmatch(r"(.*?)(\d*)", lane, re.S).groups()  # pyright: ignore[reportOptionalMemberAccess]
    return name, int(number or 0)


def text_width(text: str, size: float = 12) -> float:
    """About how wide a text is in a proportional font of this size."""
    return sum(_widths(character) for character in text) * size


def _widths(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if character in "iljtfrI.,:;'()[]| ":
        return 0.32
    return 0.68 if character.isupper() or character in "mw@%—…" else 0.55
