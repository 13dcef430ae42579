"""The space-time diagram of a trace as SVG: time runs downward, each event has a row.

Rules
- A process is a thin line, interrupted while it is down; a log or the database, which lasts, is a band.
- An arrow goes from who asks to who is asked; of a poll or a receive from where the message comes. What gets
  lost ends in a cross on its way; a filled dot marks where something became durable, a hollow one what was
  undone.
- A transaction is a box around its process's line; rolled back it is dashed and struck through.
- A pause is a zigzag, a wait for a lock a dashed line, a crash a cross.
- Each event is a `<g class="event" data-step="…">` with all that it draws and its sentence as `<title>`.
- Colours are the page's custom properties (`--story-ink` …); where there are none, light or dark as the
  reader prefers.
"""

import math
from collections.abc import Callable, Iterator, Sequence

from unreliable.diagram.escaping import markup
from unreliable.diagram.layout import (
    GUTTER,
    HEADER,
    ROW,
    Layout,
    Stretch,
    is_fault,
    note,
    text_width,
)
from unreliable.trace import CRASH, DATABASE, EXCEPTION, PAUSE, RESTART, RETURN, START, Event, Trace

NEAR = 9  # from a lane's middle to where an arrow starts or a label stands

_COLOURS = {  # name: (light, dark)
    "ink": ("#1b1b1f", "#e7e7ec"),
    "muted": ("#5b5f6b", "#a3a8b8"),
    "line": ("#aab0bd", "#5d6474"),
    "fault": ("#b3261e", "#ff8a80"),
    "ok": ("#1b6e3c", "#7fd6a0"),
    "accent": ("#3949ab", "#a5aeff"),
    "paper": ("#ffffff", "#17181d"),
}


def svg(trace: Trace, told: Sequence[Event] = ()) -> str:
    """The diagram of a run, or of those of its events that are `told`. Safe to insert into a page."""
    layout = Layout(trace, told)
    name = f"story-{trace.fingerprint[:12]}{'-told' if told else ''}"
    size = f'width="{layout.width:g}" height="{layout.height:g}"'
    return "".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" class="story-diagram" style="max-width:none" ',
            f'role="img" aria-labelledby="{name}-title {name}-desc" {size} ',
            f'viewBox="0 0 {layout.width:g} {layout.height:g}">',
            f'<title id="{name}-title">{markup(_title(trace))}</title>',
            f'<desc id="{name}-desc">{markup(_description(trace))}</desc>',
            f"<style>{_STYLE}</style>",
            f'<rect class="paper" {size}/>',
            *_background(layout),
            *(_event(layout, event) for event in layout.events),
            *_names(layout),
            "</svg>",
        ]
    )


def _title(trace: Trace) -> str:
    return f"{len(trace.events)} events of {', '.join(trace.lanes) or 'nobody'}"


def _description(trace: Trace) -> str:
    faults = [event.text for event in trace.events if is_fault(event)]
    return f"Time runs downward. {'; '.join(faults) or 'Nothing goes wrong'}."


def _style() -> str:
    def properties(column: int) -> str:
        return ";".join(f"--{name}:var(--story-{name},{shades[column]})" for name, shades in _COLOURS.items())

    rules = {
        "": "font:12px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif",
        "text": "fill:var(--ink);stroke:var(--paper);stroke-width:4;stroke-linejoin:round;paint-order:stroke",
        "path": "fill:none;stroke:var(--ink);stroke-width:1.4",
        ".paper": "fill:var(--paper)",
        ".small": "font-size:10.5px;fill:var(--muted)",
        ".name": "font-weight:600",
        ".again": "font-size:11px;fill:var(--muted)",
        ".head": "fill:var(--ink);stroke:none",
        ".box": "fill:var(--paper);stroke:var(--muted)",
        ".band": "stroke:var(--line);stroke-width:6;opacity:.45",
        ".alive": "stroke:var(--muted);stroke-width:1.5",
        ".down": "stroke:var(--line);stroke-dasharray:1 5;stroke-linecap:round",
        ".gap": "stroke:var(--line);stroke-width:1;stroke-dasharray:2 6",
        ".pause": "stroke:var(--fault);stroke-width:1.8",
        ".wait": "stroke:var(--accent);stroke-width:3;stroke-dasharray:3 3",
        ".committed": "fill:var(--accent);fill-opacity:.16;stroke:var(--accent);stroke-width:1",
        ".undone": "stroke:var(--fault);stroke-width:1;stroke-dasharray:3 2",
        ".strike": "stroke:var(--fault);stroke-width:1",
        ".durable": "fill:var(--ok);stroke:var(--paper);stroke-width:1.5",
        ".hollow": "fill:var(--paper);stroke:var(--muted)",
        ".answer": "stroke-dasharray:4 3",
        ".late": "stroke:var(--fault);stroke-dasharray:7 4",
        ".cross": "stroke:var(--fault);stroke-width:2.4;stroke-linecap:round",
        ".trouble text": "fill:var(--fault);font-weight:600",
    }
    drawn = "".join(f".story-diagram {name}{{{rule}}}".replace(" {", "{") for name, rule in rules.items())
    dark = f"@media (prefers-color-scheme:dark){{.story-diagram{{{properties(1)}}}}}"
    return f".story-diagram{{{properties(0)}}}{dark}{drawn}"


_STYLE = _style()


# Behind the events: lifelines, transactions, gaps in time, the lanes' names


def _background(layout: Layout) -> Iterator[str]:
    bottom = layout.height - 8
    for number, event in enumerate(layout.events):
        if layout.gap_before(number):
            yield from _gap(layout, number)
        yield _text("small", GUTTER - 6, layout.rows[event.step] + 4, str(event.step + 1), "end")
    for lane in layout.lanes:
        if lane not in layout.processes:
            yield _path("band", f"M{layout.x(lane):g} {HEADER - 8}V{bottom:g}")
    if layout.left_out_after:
        yield _text("small", GUTTER + 8, bottom, _left_out(layout.left_out_after), "start")
    for stretch in layout.stretches:
        yield _stretch(layout, stretch, bottom)
    for y in layout.legends:
        for lane in layout.lanes:
            yield _text("again", layout.x(lane), y, _fit(lane, layout.gap - 16, 11), "middle")


def _gap(layout: Layout, number: int) -> Iterator[str]:
    """The time after a long time, and how many events are left out."""
    event = layout.events[number]
    y = layout.rows[event.step] - ROW + 2
    yield _path("gap", f"M{GUTTER} {y:g}H{layout.width - 8:g}")
    yield _text("small", GUTTER - 6, y + 4, _time(event.time_ms), "end")
    if layout.left_out_before(number):
        yield _text("small", GUTTER + 8, y + 4, _left_out(layout.left_out_before(number)), "start")


def _left_out(count: int) -> str:
    return f"{count:,} event{'s' * (count != 1)} left out"


def _stretch(layout: Layout, stretch: Stretch, bottom: float) -> str:
    x = layout.x(stretch.process)
    top = layout.y(stretch.first)
    end = bottom if stretch.last is None else layout.y(stretch.last)
    if stretch.what == "pause":
        return _path("pause", _zigzag(x, top, end))
    if stretch.what in ("alive", "down", "wait"):
        return _path(stretch.what, f"M{x:g} {top:g}V{end:g}")
    return _transaction(stretch, x, top, end) if end > top else ""  # all of it is left out


def _zigzag(x: float, top: float, end: float) -> str:
    """Teeth between two rows, ending on the line."""
    teeth = max(round((end - top) / 6), 2)
    step = (end - top) / teeth
    points = (f"L{x + (5 if tooth % 2 else -5):g} {top + tooth * step:.1f}" for tooth in range(1, teeth))
    return f"M{x:g} {top:g}{''.join(points)}L{x:g} {end:g}"


def _transaction(stretch: Stretch, x: float, top: float, end: float) -> str:
    half = max(7 - 2 * stretch.depth, 3)
    box = f"M{x - half:g} {top - 6:g}H{x + half:g}V{end + 6:g}H{x - half:g}Z"
    if stretch.what != "rolled back":
        return _path("committed", box)
    strokes = range(round(top), round(end) + 6, 12)
    struck = "".join(f"M{x - half:g} {y + 3}L{x + half:g} {y - 5}" for y in strokes)
    return _path("undone", box) + _path("strike", struck)


def _names(layout: Layout) -> Iterator[str]:
    for lane in layout.lanes:
        x, width = layout.x(lane), layout.gap - 16
        shape = _shape(lane, lane in layout.processes, x, width)
        text = _text("name", x, 30, _fit(lane, width - 24, 13), "middle")
        yield f'<g class="lane"><title>{markup(lane)}</title>{shape}{text}</g>'


def _shape(lane: str, process: bool, x: float, width: float) -> str:
    """A process is a rounded box, the database a drum, a log a box of records."""
    left, right = x - width / 2, x + width / 2
    if process:
        return f'<rect class="box" x="{left:g}" y="10" width="{width:g}" height="30" rx="8"/>'
    if lane == DATABASE:
        side = f"M{left:g} 12V38A{width / 2:g} 4 0 0 0 {right:g} 38V12"
        return _path("box", f"{side}A{width / 2:g} 4 0 0 0 {left:g} 12A{width / 2:g} 4 0 0 0 {right:g} 12")
    ticks = "".join(f"M{right - 6 * tick:g} 10V40" for tick in (1, 2, 3))
    return _path("box", f"M{left:g} 10H{right:g}V40H{left:g}Z{ticks}")


# Events


def _event(layout: Layout, event: Event) -> str:
    shapes = "".join(_shapes(layout, event))
    trouble = " trouble" if is_fault(event) else ""
    title = f"<title>{markup(event.text)}</title>"
    return f'<g class="event{trouble}" data-step="{event.step}">{title}{shapes}</g>'


def _shapes(layout: Layout, event: Event) -> Iterator[str]:
    if event.to is None or event.to == event.process:
        yield from _point(layout, event)
    elif event.step in layout.arrivals:
        yield from _message(layout, event)
    elif event.kind == "receive":
        yield from _received(layout, event)
    elif event.lost == "reply":
        yield from _unanswered(layout, event)
    elif event.lost == "request":
        yield from _lost(layout, event)
    else:
        yield from _arrow(layout, event)
    yield from _label(layout, event)


def _label(layout: Layout, event: Event) -> Iterator[str]:
    """The label above the arrow, or beside the sign of its process; the note below."""
    side = layout.side(event)
    x, y = layout.x(event.process), layout.rows[event.step]
    near, anchor = x + side * (NEAR + 3), "start" if side > 0 else "end"
    room = layout.gap - 2 * NEAR - 4
    if event.to is None:
        room = (layout.width - x if side > 0 else x - GUTTER) - NEAR - 6
        yield _text("label", near, y + 4, _fit(event.label, room, 12), anchor)
    elif event.kind == "receive":
        if layout.from_afar(event):
            yield _text("small", near + side * 8, y + 4, _fit(event.label, room - 8, 10.5), anchor)
    else:
        label = _fit(event.label, room, 12)
        slanted = event.step in layout.arrivals
        place = (near, anchor) if slanted else (x + side * layout.gap / 2, "middle")
        yield _text("label", place[0], y - 5, label, place[1])
    if note(event):
        yield _text("small", near, y + (18 if event.to is None else 14), note(event), anchor)


def _arrow(layout: Layout, event: Event) -> Iterator[str]:
    """Something asked and answered, in one row."""
    assert event.to is not None
    side, y = layout.side(event), layout.rows[event.step]
    tail, head = layout.x(event.process) + side * NEAR, layout.x(event.to) - side * NEAR
    if event.kind == "poll":
        tail, head, side = head, tail, -side
    yield _path("", f"M{tail:g} {y:g}H{head:g}") + _head(head, y, side)
    yield _at_lane(layout, event)


def _at_lane(layout: Layout, event: Event) -> str:
    """What the event leaves at the lane that it reaches."""
    assert event.to is not None
    x, y = layout.x(event.to), layout.rows[event.step]
    if event.kind in ("refused", "error"):
        return _cross(x, y, 5)
    if event.kind == "rollback":
        return f'<circle class="hollow" cx="{x:g}" cy="{y:g}" r="4.5"/>'
    return f'<circle class="durable" cx="{x:g}" cy="{y:g}" r="5.5"/>' if layout.lasts(event) else ""


def _lost(layout: Layout, event: Event) -> Iterator[str]:
    """A request that does not arrive: the arrow breaks before the lane."""
    assert event.to is not None
    side, y = layout.side(event), layout.rows[event.step]
    tail, cross = layout.x(event.process) + side * NEAR, layout.x(event.to) - side * 30
    yield _path("", f"M{tail:g} {y:g}H{cross:g}") + _cross(cross, y, 5)


def _unanswered(layout: Layout, event: Event) -> Iterator[str]:
    """A request that arrives, and its answer, which breaks on its way back."""
    yield from _arrow(layout, event)
    assert event.to is not None
    side, y = layout.side(event), layout.rows[event.step] + 10
    start = layout.x(event.to) - side * NEAR
    cross = layout.x(event.process) + side * (NEAR + 24 + text_width(note(event), 11))
    yield _path("answer", f"M{start:g} {y:g}H{cross:g}") + _cross(cross, y, 5)


def _message(layout: Layout, event: Event) -> Iterator[str]:
    """A message between processes: from the row where it was sent to each where it was received."""
    assert event.to is not None
    side, y = layout.side(event), layout.rows[event.step]
    tail, head = layout.x(event.process) + side * NEAR, layout.x(event.to) - side * NEAR
    for arrival in layout.arrivals[event.step]:
        yield _slanted("late" if event.kind == "delay" else "", (tail, y), (head, layout.rows[arrival]))


def _received(layout: Layout, event: Event) -> Iterator[str]:
    x, y = layout.x(event.process), layout.rows[event.step]
    yield f'<circle class="head" cx="{x:g}" cy="{y:g}" r="4"/>'


def _point(layout: Layout, event: Event) -> Iterator[str]:
    """What happens at a process alone."""
    x, y = layout.x(event.process), layout.rows[event.step]
    yield _SIGNS.get(event.kind, _dot)(x, y)


def _dot(x: float, y: float) -> str:
    return f'<circle class="hollow" cx="{x:g}" cy="{y:g}" r="4"/>'


def _cross(x: float, y: float, half: float = 7) -> str:
    stroke = f"l{2 * half:g} {2 * half:g}"
    return _path("cross", f"M{x - half:g} {y - half:g}{stroke}m0 {-2 * half:g}l{-2 * half:g} {2 * half:g}")


def _start(x: float, y: float) -> str:
    return f'<circle class="head" cx="{x:g}" cy="{y:g}" r="4.5"/>'


def _restart(x: float, y: float) -> str:
    circle = f"M{x + 6:g} {y:g}A6 6 0 1 1 {x:g} {y - 6:g}"
    return f'<circle class="paper" cx="{x:g}" cy="{y:g}" r="6"/>' + _path("", circle) + _head(x + 4, y - 6, 1)


def _return(x: float, y: float) -> str:
    return _path("", f"M{x - 7:g} {y:g}H{x + 7:g}")


def _pause(x: float, y: float) -> str:
    bars = f"M{x - 3:g} {y - 6:g}V{y + 6:g}M{x + 3:g} {y - 6:g}V{y + 6:g}"
    return f'<circle class="paper" cx="{x:g}" cy="{y:g}" r="8"/>' + _path("cross", bars)


_SIGNS: dict[str, Callable[[float, float], str]] = {
    START: _start,
    RESTART: _restart,
    RETURN: _return,
    CRASH: _cross,
    EXCEPTION: _cross,
    PAUSE: _pause,
}


# Pieces


def _path(name: str, d: str) -> str:
    return f'<path class="{name}" d="{d}"/>' if name else f'<path d="{d}"/>'


def _head(x: float, y: float, side: int) -> str:
    return _path("head", f"M{x:g} {y:g}L{x - side * 8:g} {y - 4:g}V{y + 4:g}Z")


def _slanted(name: str, start: tuple[float, float], end: tuple[float, float]) -> str:
    """An arrow from one row to another."""
    angle = math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))
    place = f"translate({end[0]:g} {end[1]:g}) rotate({angle:.1f})"
    line = _path(name, f"M{start[0]:g} {start[1]:g}L{end[0]:g} {end[1]:g}")
    return f'{line}<path class="head" d="M0 0L-8 -4V4Z" transform="{place}"/>'


def _text(name: str, x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="{name}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{markup(text)}</text>'


def _fit(text: str, room: float, size: float) -> str:
    """The text, cut to about this width."""
    if text_width(text, size) <= room:
        return text
    while text and text_width(text + "…", size) > room:
        text = text[:-1]
    return text + "…"


def _time(time_ms: int) -> str:
    return f"{time_ms / 1000:.3f} s"
