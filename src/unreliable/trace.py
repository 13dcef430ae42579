"""Traces: what happened in a run, event by event, with the state that lasts after each.

Rules
- A trace is recorded only when somebody will read it; recording changes nothing of the run.
- An event is frozen data: number, virtual time, process, kind, the learner's line, a sentence, and where on the
  diagram it lies: the lane it reaches (`to`) and whether the message or its answer got lost on the way.
- Two runs are the same if their traces' `fingerprint` is the same; it covers every byte of every event.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from unreliable import requests as r
from unreliable.program import Problem

if TYPE_CHECKING:
    from unreliable.broker import Partition
    from unreliable.world import Process, World

DATABASE = "database"

# Kinds of events whose shape on the diagram is their own; every other kind is an arrow to a lane.
START, RESTART, CRASH, EXCEPTION, RETURN, PAUSE, SLEEP = (
    *("start", "restart", "crash", "exception", "return"),
    *("pause", "sleep"),
)


@dataclass(frozen=True)
class Event:
    """One event. `lost` is "request" or "reply" if that got lost between `process` and `to`."""

    step: int
    time_ms: int
    process: str
    kind: str
    line: int | None
    text: str
    label: str
    to: str | None
    lost: str | None
    state: dict[str, Any]


class Trace:
    """Records the events of one run. The world calls the method that is named after what happens."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def enter(self, world: "World") -> None:
        self._world = world
        self._committed = ""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the events, equal wherever the same schedule of the same program is run."""
        text = json.dumps([asdict(event) for event in self.events], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def lanes(self) -> list[str]:
        """The lifelines of the diagram: processes, logs in their order, and the database."""
        processes = [spec.name for spec in self._world.scenario.processes]
        reached = dict.fromkeys(event.to for event in self.events if event.to)
        return [*processes, *(lane for lane in reached if lane not in processes)]

    # Processes

    def started(self, process: "Process") -> None:
        if process.life == 1:
            self._add(process, START, f"{process.name} starts", "start")
        else:
            self._add(process, RESTART, f"{process.name} restarts with an empty memory", "restart")

    def crashed(self, process: "Process") -> None:
        doing = f" before {_describe(process.request)}" if process.request else ""
        self._add(process, CRASH, f"{process.name} crashes{doing}", "crash")

    def ended(self, process: "Process", problem: Problem | None) -> None:
        if problem is None:
            self._add(process, RETURN, f"{process.name} returns", "return")
            return
        text = f"{process.name} dies of an exception: {problem.message}"
        self._add(process, EXCEPTION, text, "exception", line=problem.line)

    def paused(self, process: "Process", duration_ms: int) -> None:
        text = f"{process.name} stands still for {_seconds(duration_ms)} before {_describe(process.request)}"
        self._add(process, PAUSE, text, f"pause {_seconds(duration_ms)}")

    def slept(self, process: "Process", request: r.Sleep) -> None:
        duration = _seconds(request.duration_ms)
        self._add(process, SLEEP, f"{process.name} sleeps for {duration}", f"sleep {duration}")

    # Broker

    def produced(self, process: "Process", record: r.Record, outcome: str) -> None:
        text = f"{process.name} sends {_show(record.value)}: {_place(record)}"
        lost = "reply" if outcome == "lose reply" else None
        if lost:
            text += "; the acknowledgement is lost"
        self._add(process, "produce", text, _show(record.value), _lane(record), lost)

    def resent(self, process: "Process", record: r.Record) -> None:
        text = f"{process.name} heard no acknowledgement and sends {_show(record.value)} again: {_place(record)}"
        self._add(process, "resend", text, _show(record.value), _lane(record))

    def polled(self, process: "Process", record: r.Record) -> None:
        text = f"{process.name} reads {_show(record.value)}, offset {record.offset} of {_lane(record)}"
        label = f"@{record.offset} {_show(record.value)}"
        self._add(process, "poll", text, label, _lane(record))

    def committed_offsets(self, process: "Process", offsets: tuple[tuple[str, int, int], ...], outcome: str) -> None:
        for topic, partition, offset in offsets or (("", -1, -1),):
            lane = f"{topic}-{partition}" if topic else None
            label = f"commit offset {offset}" if topic else "commit nothing"
            text = f"{process.name} commits offset {offset} of {lane}" if topic else f"{process.name}: {label}"
            ending = {
                "refused": ", which is refused: it is no longer a member of the group",
                "lose request": "; the request is lost, nothing is committed",
                "lose reply": "; it is committed, but the answer is lost",
            }.get(outcome, "")
            kind = "refused" if outcome == "refused" else "commit offset"
            self._add(process, kind, text + ending, label, lane, _lost(outcome))

    def joined(self, process: "Process") -> None:
        self._add(process, "join", f"{process.name} joins its consumer group", "join")

    def expired(self, process: "Process") -> None:
        text = f"the session of {process.name} is over: its partitions are given to others"
        self._add(process, "expire", text, "session over")

    def assigned(self, assignment: dict[str, tuple["Partition", ...]]) -> None:
        for name, partitions in assignment.items():
            mine = ", ".join(f"{topic}-{number}" for topic, number in partitions) or "no partition"
            process = self._world.processes[name]
            self._add(process, "assign", f"{name} is given {mine}, from the committed offsets", f"given {mine}")

    # Database

    def database(
        self, process: "Process", request: r.Request, outcome: str, reply: r.Rows | r.Failure | None = None
    ) -> None:
        did = f"{process.name}: {_describe(request)}"
        kind = type(request).__name__.lower()
        ending = {
            "lose request": "; the connection breaks before it, so all is rolled back",
            "lose reply": "; it is committed, but the connection breaks before the answer",
        }.get(outcome, "")
        if isinstance(reply, r.Failure):
            kind, ending = "error", f" fails: {reply.error} ({reply.arguments[0]})"
        elif isinstance(reply, r.Rows):
            ending = _result(reply)
        self._add(process, kind, did + ending, _short(request), DATABASE, _lost(outcome))

    def locked(self, process: "Process", request: r.Execute) -> None:
        text = f"{process.name} waits for another transaction to end before {_describe(request)}"
        self._add(process, "wait", text, "waits for lock", DATABASE)

    # Network

    def sent(self, process: "Process", request: r.Send, outcome: str) -> None:
        ending = {
            "lose": "; it is lost",
            "duplicate": "; the network delivers it twice",
            "delay": "; the network delays it",
        }.get(outcome, "")
        text = f"{process.name} sends {_show(request.payload)} to {request.to}{ending}"
        lost = "request" if outcome == "lose" else None
        label = _show(request.payload) + (f" ({outcome})" if outcome in ("delay", "duplicate") else "")
        self._add(process, "send", text, label, request.to, lost)

    def received(self, process: "Process", sender: str, payload: r.Plain) -> None:
        text = f"{process.name} receives {_show(payload)} from {sender}"
        self._add(process, "receive", text, f"got {_show(payload)}")

    def _add(
        self,
        process: "Process",
        kind: str,
        text: str,
        label: str,
        to: str | None = None,
        lost: str | None = None,
        line: int | None = None,
    ) -> None:
        world = self._world
        if line is None and process.driver is not None:
            line = process.driver.line()
        self.events.append(
            Event(len(self.events), world.now_ms, process.name, kind, line, text, label, to, lost, lasting(world))
        )


def lasting(world: "World") -> dict[str, Any]:
    """What would survive if every process crashed now: tables, logs, committed offsets; as JSON-like data."""
    tables: dict[str, Any] = {}
    for name in world.database.table_names():
        columns, rows = world.database.rows(name)
        tables[name] = {"columns": columns, "rows": [[_show_cell(cell) for cell in row] for row in rows]}
    logs = {
        f"{topic}-{number}": [
            {"offset": record.offset, "key": _show(record.key), "value": _show(record.value)} for record in log
        ]
        for (topic, number), log in world.broker.logs.items()
    }
    committed = {
        f"{name} {topic}-{number}": offset
        for name, group in sorted(world.broker.groups.items())
        for (topic, number), offset in sorted(group.committed.items())
    }
    return {"tables": tables, "logs": logs, "committed": committed}


def _describe(request: r.Request | None) -> str:
    """A request in words, as what somebody does."""
    match request:
        case r.Execute():
            return _one_line(request.sql, request.parameters)
        case r.CommitOffsets():
            return "committing its offset"
        case r.Send():
            return f"sending to {request.to}"
        case r.Produce():
            return f"sending {_show(request.value)}"
        case None:
            return "its first await"
        case _:
            return _DOINGS[type(request)]


_DOINGS: dict[type[r.Request], str] = {
    r.Sleep: "sleeping",
    r.Receive: "receiving",
    r.Delivery: "hearing the acknowledgement",
    r.Flush: "flushing",
    r.Poll: "polling",
    r.Seek: "seeking",
    r.Committed: "asking for the committed offsets",
    r.Assignment: "asking for its partitions",
    r.Begin: "BEGIN",
    r.Commit: "COMMIT",
    r.Rollback: "ROLLBACK",
}


def _short(request: r.Request) -> str:
    if isinstance(request, r.Execute):
        return _one_line(request.sql, request.parameters)[:40]
    return _describe(request)


def _one_line(sql: str, parameters: tuple[r.Plain, ...]) -> str:
    """The statement with its values, for reading, not for running."""
    text = " ".join(sql.split())
    for value in parameters:
        text = text.replace("%s", repr(value) if isinstance(value, str) else _show(value), 1)
    return text


def _result(rows: r.Rows) -> str:
    if rows.columns is None:
        return "" if rows.rowcount < 0 else f": {rows.rowcount} row{'s' * (rows.rowcount != 1)}"
    if len(rows.rows) == 1:
        return f": {', '.join(_show(cell) for cell in rows.rows[0])}"
    return f": {len(rows.rows)} rows"


def _show(value: Any) -> str:
    """Plain data for people; bytes as text where they are text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return "nothing" if value is None else str(value)


def _show_cell(cell: Any) -> Any:
    return _show(cell) if isinstance(cell, bytes) else cell


def _place(record: r.Record) -> str:
    return f"offset {record.offset} of {_lane(record)}"


def _lane(record: r.Record) -> str:
    return f"{record.topic}-{record.partition}"


def _lost(outcome: str) -> str | None:
    return outcome.removeprefix("lose ") if outcome.startswith("lose ") else None


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g} s"
