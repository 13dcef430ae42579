"""Who read which partition when: a trace as a chart, for what the story of single events does not show.

Rules
- Time runs to the right. Each partition is a line; each record that is read is a sign on it, at the time at which
  it is read for the first time. Its tail begins when it was sent: so a long tail is a long wait.
- Who reads it shows by the sign's shape and colour. A record that is read again is a ring.
- Above stand the joins and departures of the group's members.
- The numbers are taken from the same events as the drawing.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from unreliable.diagram.escaping import markup
from unreliable.trace import Event, Trace

LEFT, RIGHT, TOP, ROW, WIDTH = 92, 16, 66, 30, 700
SIGN = 4.5  # half a sign's width
GROUP = {"join": "joins", "leave": "leaves", "expire": "is out", "crash": "crashes", "pause": "stands still"}
_COLOURS = (("#3949ab", "#a5aeff"), ("#b35c00", "#ffb866"), ("#1b6e3c", "#7fd6a0"), ("#8e24aa", "#e29bf5"))


@dataclass(frozen=True)
class Reading:
    """A record that was read: where, by whom, and when; `sent_ms` and `time_ms` are virtual times."""

    lane: str
    offset: int
    reader: str
    sent_ms: int
    time_ms: int
    again: bool

    @property
    def wait_ms(self) -> int:
        return self.time_ms - self.sent_ms


class Timeline:
    """The chart of one trace. Traces leave out the middle of very long runs, and so does the chart."""

    def __init__(self, trace: Trace) -> None:
        self._events = trace.events
        self.readings = tuple(_readings(trace.events))
        self._lanes = sorted({reading.lane for reading in self.readings})
        self._readers = sorted({reading.reader for reading in self.readings})
        self._until_ms = max((reading.time_ms for reading in self.readings), default=0) + 500

    @property
    def waits_ms(self) -> dict[str, int]:
        """For each partition the longest time from sending a record to reading it for the first time."""
        first = [reading for reading in self.readings if not reading.again]
        return {lane: max(found.wait_ms for found in first if found.lane == lane) for lane in self._lanes}

    @property
    def read_again(self) -> int:
        """How many times a record was read that had been read before."""
        return sum(reading.again for reading in self.readings)

    def __repr__(self) -> str:
        waits = ", ".join(f"{lane} {wait / 1000:.1f} s" for lane, wait in self.waits_ms.items())
        return f"Longest waits: {waits}; read again: {self.read_again}"

    def _repr_html_(self) -> str:
        box = f'<div class="diagram" tabindex="0" style="overflow-x:auto">{self.svg()}</div>'
        return f"<div><p>{markup(repr(self))}</p>{box}</div>"

    def svg(self) -> str:
        """The chart. Safe to insert into a page."""
        height = TOP + ROW * len(self._lanes) + 26
        return "".join(
            [
                '<svg xmlns="http://www.w3.org/2000/svg" class="story-timeline" role="img" ',
                f'style="max-width:none" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}">',
                f"<title>{markup(repr(self))}</title><style>{_STYLE}</style>",
                *self._legend(),
                *self._seconds(height),
                *self._group_events(),
                *self._rows(),
                *(self._reading(reading) for reading in self.readings),
                "</svg>",
            ]
        )

    def _x(self, time_ms: int) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * time_ms / self._until_ms, 1)

    def _y(self, lane: str) -> float:
        return TOP + ROW * (self._lanes.index(lane) + 0.5)

    def _legend(self) -> Iterator[str]:
        x = LEFT
        for reader in self._readers:
            yield self._sign(reader, x, 12) + f'<text x="{x + 9}" y="16">{markup(reader)}</text>'
            x += 24 + 7 * len(reader)
        yield f'<circle class="again" cx="{x}" cy="12" r="{SIGN}"/><text x="{x + 9}" y="16">read again</text>'

    def _seconds(self, height: int) -> Iterator[str]:
        for second in range(0, self._until_ms // 1000 + 1, max(1, self._until_ms // 12_000)):
            x = self._x(second * 1000)
            yield f'<path class="grid" d="M{x} {TOP - 4}V{height - 20}"/>'
            yield f'<text class="small" x="{x}" y="{height - 6}" text-anchor="middle">{second} s</text>'

    def _group_events(self) -> Iterator[str]:
        told = [event for event in self._events if event.kind in GROUP and event.process in self._readers]
        for event in told:
            if 0 < event.time_ms < self._until_ms:
                x, y = self._x(event.time_ms), 34 + 13 * (self._readers.index(event.process) % 2)
                yield f'<path class="event" d="M{x} {y + 3}V{TOP + ROW * len(self._lanes)}"/>'
                text = f"{event.process} {GROUP[event.kind]}"
                yield f'<text class="small" x="{x}" y="{y}" text-anchor="middle">{markup(text)}</text>'

    def _rows(self) -> Iterator[str]:
        for lane in self._lanes:
            y = self._y(lane)
            yield f'<path class="row" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
            yield f'<text x="{LEFT - 10}" y="{y + 4}" text-anchor="end">{markup(lane)}</text>'

    def _reading(self, reading: Reading) -> str:
        x, y = self._x(reading.time_ms), self._y(reading.lane)
        if reading.again:
            return f'<circle class="again" cx="{x}" cy="{y}" r="{SIGN + 2}"/>'
        colour = self._readers.index(reading.reader) % len(_COLOURS)
        tail = f'<path class="tail c{colour}" d="M{self._x(reading.sent_ms)} {y}H{x}"/>'
        return tail + self._sign(reading.reader, x, y)

    def _sign(self, reader: str, x: float, y: float) -> str:
        number, r = self._readers.index(reader), SIGN
        shapes = (
            f"M{x - r} {y}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0",
            f"M{x - r} {y - r}h{2 * r}v{2 * r}h{-2 * r}z",
            f"M{x} {y - r - 1}l{r + 1} {2 * r}h{-2 * r - 2}z",
            f"M{x} {y - r - 1}l{r + 1} {r + 1}l{-r - 1} {r + 1}l{-r - 1} {-r - 1}z",
        )
        return f'<path class="c{number % len(_COLOURS)}" d="{shapes[number % len(shapes)]}"/>'


def _readings(events: list[Event]) -> Iterator[Reading]:
    """What was read, with the time at which it was sent."""
    sent: dict[tuple[str, int], int] = {}
    read: set[tuple[str, int]] = set()
    for event in events:
        if event.kind not in {"produce", "poll"} or event.to is None:
            continue
        place = event.to, int(event.label[1:].partition(" ")[0])  # "@3 label": see Trace.produced and Trace.polled
        if event.kind == "produce":
            sent[place] = event.time_ms
        else:
            yield Reading(*place, event.process, sent.get(place, event.time_ms), event.time_ms, place in read)
            read.add(place)


def _style() -> str:
    def properties(column: int) -> str:
        colours = "".join(f"--c{number}:{shades[column]};" for number, shades in enumerate(_COLOURS))
        plain = (("ink", "#1b1b1f", "#e7e7ec"), ("muted", "#5b5f6b", "#a3a8b8"), ("line", "#aab0bd", "#5d6474"))
        names = (*plain, ("fault", "#b3261e", "#ff8a80"))
        return colours + ";".join(f"--{name}:var(--story-{name},{shades[column]})" for name, *shades in names)

    here = ".story-timeline"
    signs = "".join(f"{here} .c{number}{{fill:var(--c{number})}}" for number in range(len(_COLOURS)))
    tails = "".join(f"{here} .tail.c{number}{{stroke:var(--c{number})}}" for number in range(len(_COLOURS)))
    return (
        f"{here}{{{properties(0)};font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}}"
        f"@media (prefers-color-scheme:dark){{{here}{{{properties(1)}}}}}"
        f"{here} text{{fill:var(--ink)}}{here} .small{{font-size:10.5px;fill:var(--muted)}}"
        f"{here} .row,{here} .grid{{stroke:var(--line);stroke-width:1}}{here} .grid{{stroke-dasharray:1 5}}"
        f"{here} .event{{stroke:var(--muted);stroke-width:1;stroke-dasharray:4 3}}{signs}"
        f"{here} .tail{{stroke-width:3;stroke-opacity:.35;fill:none}}{tails}"
        f"{here} .again{{fill:none;stroke:var(--fault);stroke-width:1.8}}"
    )


_STYLE = _style()
