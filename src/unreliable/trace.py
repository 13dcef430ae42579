"""Traces: what happened in a run, event by event, with the state that lasts after each.

Rules
- A trace is recorded only when somebody will read it; recording changes nothing of the run.
- An event is frozen data: number, virtual time, process, kind, the learner's line, a sentence, and where on
  the diagram it lies: the lane it reaches (`to`; for a poll or a receive, the lane that it comes from) and
  whether the message or its answer got lost on the way.
- A sentence says all; a label names it in few characters: it has to fit between two lanes.
- Of a run that goes on and on the trace keeps the first `FIRST_EVENTS` and the last `LAST_EVENTS`; what is
  left out shows in the steps.
- Beside the events it keeps the choices at which the run could have gone another way.
- Two runs are the same if their traces' `fingerprint` is the same; it covers every byte of every event.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from unreliable import requests as r
from unreliable import words
from unreliable.clients.confluent_kafka import FATAL, FENCED_LOCALLY, KafkaError
from unreliable.lasting import lasting
from unreliable.program import Problem

if TYPE_CHECKING:
    from unreliable.kafka.groups import AnyGroup, Member
    from unreliable.kafka.log import Partition
    from unreliable.world import Process, World

DATABASE = "database"
COORDINATOR = "coordinator"  # of transactions
FIRST_EVENTS = 200
LAST_EVENTS = 100
FAILS = ", which fails: "  # then comes the exception's name

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


@dataclass(frozen=True)
class Choice:
    """A place where the run could have gone more than one way: before `process` was `doing` something.

    `number` counts all choices of the run, as schedules do; `options[taken]` is how it went on. `step` is that of
    the next event, which need not have to do with it. `groups` tells who had which partitions just then.
    """

    number: int
    step: int
    time_ms: int
    process: str
    doing: str
    options: tuple[str, ...]
    taken: int
    groups: str


class Trace:
    """Records the events of one run. The world calls the method that is named after what happens."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.choices: list[Choice] = []
        self._left_out = 0
        self._depth: dict[str, int] = {}

    def enter(self, world: "World") -> None:
        self._world = world

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the events, equal wherever the same schedule of the same program is run."""
        text = json.dumps([vars(event) for event in self.events], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def lanes(self) -> list[str]:
        """The lifelines of the diagram: processes that were started, logs in their order, and the database."""
        met = dict.fromkeys(lane for event in self.events for lane in (event.process, event.to) if lane)
        specs = self._world.scenario.processes
        processes = [spec.name for spec in specs if spec.start_ms is not None or spec.name in met]
        return [*processes, *(lane for lane in met if lane not in processes)]

    def __repr__(self) -> str:
        return f"<Trace of {len(self.events)} events>"

    def _repr_svg_(self) -> str:
        from unreliable.diagram import svg  # noqa: PLC0415

        return svg(self)

    def chose(self, process: "Process", options: tuple[str, ...], outcome: str) -> None:
        if len(options) > 1:
            number, step = len(self._world.choices.met) - 1, self._step
            doing, taken = words.describe(process.request), options.index(outcome)
            place = number, step, self._world.now_ms, process.name, doing
            self.choices.append(Choice(*place, options, taken, self.groups))

    @property
    def groups(self) -> str:
        """Who reads which partitions now, and how far each consumer group lags behind."""
        groups = self._world.broker.groups
        return "; ".join(_shares(name, group, self._world) for name, group in sorted(groups.items()))

    # Processes

    def started(self, process: "Process") -> None:
        if process.life == 1:
            self._add(process, START, f"{process.name} starts", "start")
        else:
            self._add(process, RESTART, f"{process.name} restarts with an empty memory", "restart")

    def crashed(self, process: "Process") -> None:
        text = f"{process.name} crashes before {words.describe(process.request)}"
        self._add(process, CRASH, text + self._rolled_back(process), f"crash before {words.name(process.request)}")

    def ended(self, process: "Process", problem: Problem | None) -> None:
        if problem is None:
            self._add(process, RETURN, f"{process.name} returns", "return")
            return
        text = f"{process.name} dies of an exception: {words.cut(problem.message, words.MOST_SQL)}"
        label = problem.message.partition(":")[0] if problem.kind == "crashed" else "exception"
        self._add(process, EXCEPTION, text + self._rolled_back(process), label, line=problem.line)

    def paused(self, process: "Process", duration_ms: int) -> None:
        text = f"{process.name} pauses for {words.seconds(duration_ms)} before {words.describe(process.request)}"
        self._add(process, PAUSE, text, f"pause {words.seconds(duration_ms)}")

    def slept(self, process: "Process", request: r.Sleep) -> None:
        duration = words.seconds(request.duration_ms)
        self._add(process, SLEEP, f"{process.name} sleeps for {duration}", f"sleep {duration}")

    def _rolled_back(self, process: "Process") -> str:
        return "; its transaction is rolled back" if self._in_transaction(process) else ""

    def _in_transaction(self, process: "Process") -> bool:
        return self._depth.get(process.name, 0) > 0

    def _follow_transactions(self, name: str, kind: str, lost: str | None) -> None:
        """Counts how many transactions and savepoints of a process are open."""
        change = {"begin": 1, "commit": -1, "rollback": -1}.get(kind, 0)
        over = kind in (CRASH, EXCEPTION, RETURN) or (kind == "commit" and lost is not None)
        self._depth[name] = 0 if over else max(self._depth.get(name, 0) + change, 0)

    # Broker

    def produced(self, process: "Process", record: r.Record, outcome: str) -> None:
        text = f"{process.name} sends {words.summary(record.value)}: {words.place(record)}"
        lost = "reply" if outcome == "lose reply" else None
        if lost:
            text += "; the acknowledgement is lost"
        self._add(process, "produce", text, words.entry(record), words.lane(record), lost)

    def not_produced(
        self, process: "Process", request: r.Produce, partition: "Partition", failure: r.Failure | None
    ) -> None:
        """`failure` is why it was refused; None: it got lost until the producer gave up."""
        lane = f"{partition[0]}-{partition[1]}"
        lost, ending = None, "which is refused"
        if failure is None:
            lost, ending = "request", "and in the end gives up: it never got there"
        elif failure.arguments[0] == KafkaError.MSG_SIZE_TOO_LARGE:
            ending = "which refuses it as too large"
        elif failure.arguments[0] == FENCED_LOCALLY:
            ending = "which refuses it: the producer is fenced"
        text = f"{process.name} sends {words.summary(request.value)} to {lane}, {ending}"
        self._add(process, "refused", text, words.summary(request.value, words.MOST_LABEL), lane, lost)

    # Transactions

    def transaction(
        self, process: "Process", does: str, what: str = "its transaction", outcome: str = "ok"
    ) -> None:
        """What a process's producer asks the coordinator for, and what becomes of it."""
        ending = {
            "lose request": ", but the request is lost",
            "lose reply": ", which is decided, but the answer is lost",
            "retry request": ", the request is lost, and will be sent again",
            "retry reply": ", which is decided; the answer is lost, so it will be sent again",
            "duplicate": "; the network will deliver this once more",
            "move": "; then the coordinator moves to another broker",
        }.get(outcome, "")
        text = f"{process.name} {does} {what}{ending}"
        self._add(process, "transaction", text, f"{does} {what}", COORDINATOR, words.lost(outcome))

    def transaction_refused(self, process: "Process", request: r.Request, failure: r.Failure) -> None:
        text = f"{process.name} is refused {words.describe(request)}: {failure.arguments[1]}"
        self._add(process, "refused", text, f"refused {words.name(request)}", COORDINATOR)

    def timed_out(self, process: "Process", timeout_ms: int) -> None:
        lasted = words.seconds(timeout_ms)
        text = f"the coordinator aborts the transaction of {process.name}: it was open for {lasted}"
        self._add(process, "expire", text, "transaction timed out", COORDINATOR)

    def marked(self, process: "Process", partition: "Partition", offset: int, commits: bool) -> None:
        lane, end = f"{partition[0]}-{partition[1]}", "commit" if commits else "abort"
        text = f"the coordinator marks the {end} of {process.name}'s transaction: offset {offset} of {lane}"
        self._add(process, "marker", text, f"@{offset} {end} marker", lane)

    def buffered(self, process: "Process", request: r.Produce) -> None:
        text = f"{process.name} hands {words.summary(request.value)} to its producer, which keeps it for now"
        self._add(process, "buffer", text, f"buffered: {words.summary(request.value, words.MOST_LABEL)}")

    def sent_in_vain(self, process: "Process", request: r.Produce, partition: "Partition") -> None:
        lane = f"{partition[0]}-{partition[1]}"
        text = f"{process.name} sends {words.summary(request.value)} to {lane}: it is lost, and will be sent again"
        self._add(process, "produce", text, words.summary(request.value, words.MOST_LABEL), lane, "request")

    def resent(self, process: "Process", record: r.Record, recognised: bool) -> None:
        sends = f"{process.name} has heard no acknowledgement and sends {words.summary(record.value)} again"
        place = f"the broker recognises {words.place(record)}" if recognised else words.place(record)
        self._add(process, "resend", f"{sends}: {place}", words.entry(record), words.lane(record))

    def polled(self, process: "Process", record: r.Record) -> None:
        text = f"{process.name} reads {words.summary(record.value)}: {words.place(record)}"
        self._add(process, "poll", text, words.entry(record), words.lane(record))

    def committed_offsets(
        self,
        process: "Process",
        offsets: tuple[tuple[str, int, int], ...],
        outcome: str,
        refusal: r.Failure | None = None,
        by_itself: bool = False,
    ) -> None:
        kind = "refused" if refusal else "commit offset"
        who = f"{process.name}'s client" if by_itself else process.name
        ending = {
            "lose request": ", but the request is lost: nothing is committed",
            "lose reply": ", which succeeds, but the answer is lost",
            "retry request": ", but the request is lost, and will be sent again",
            "retry reply": ", which succeeds; the answer is lost, so it will be sent again",
        }.get(outcome, "")
        if refusal is not None:
            ending = f", which is refused: {_REFUSED[refusal.arguments[0]]}"
        for topic, partition, offset in offsets:
            lane = f"{topic}-{partition}"
            text = f"{who} commits offset {offset} of {lane}{ending}"
            self._add(
                process, kind, text, f"commit offset {offset}", lane, None if refusal else words.lost(outcome)
            )

    def joined(self, process: "Process") -> None:
        self._add(process, "join", f"{process.name} joins its consumer group", "join")

    def left(self, process: "Process") -> None:
        self._add(process, "leave", f"{process.name} leaves its consumer group", "leave")

    def expired(self, process: "Process") -> None:
        text = f"the session of {process.name} is over: its partitions go to the others of the group"
        self._add(process, "expire", text, "session over")

    def assigned(self, group: "AnyGroup", members: list["Member"]) -> None:
        for member in members:
            process = self._world.processes[member.client.here[0]]
            mine = [f"{topic}-{number}" for topic, number in member.assignment]
            starts = [f"from offset {group.committed.get(key, 0)}" for key in member.assignment]
            places = [f"{lane} {start}" for lane, start in zip(mine, starts, strict=True)]
            text = f"{process.name} is given {', '.join(places) or 'no partition'}"
            self._add(process, "assign", text, f"given {', '.join(mine) or 'no partition'}")

    def rebalances(self, process: "Process", rebalance: r.Rebalance) -> None:
        """The application is told by a callback what becomes of its partitions."""
        partitions = ", ".join(f"{topic}-{number}" for topic, number in rebalance.partitions) or "no partition"
        does, label = _REBALANCES[rebalance.kind]
        self._add(process, rebalance.kind, f"{process.name} {does} {partitions}", f"{label} {partitions}")

    def acquired(self, process: "Process", record: r.Record, count: int) -> None:
        again = f", delivery {count}" if count > 1 else ""
        text = f"{process.name} acquires {words.summary(record.value)}: {words.place(record)}{again}"
        self._add(process, "poll", text, words.entry(record), words.lane(record))

    def acknowledged(self, process: "Process", place: tuple[str, int, int], kind: str, taken: bool) -> None:
        topic, number, offset = place
        ending = "" if taken else ", which is refused: the lock is not its own any more"
        text = f"{process.name} {kind}s offset {offset} of {topic}-{number}{ending}"
        self._add(process, "acknowledge" if taken else "refused", text, f"{kind} {offset}", f"{topic}-{number}")

    def lock_over(self, process: "Process", place: tuple[str, int, int]) -> None:
        topic, number, offset = place
        text = f"the lock of {process.name} on offset {offset} of {topic}-{number} is over"
        self._add(process, "expire", text, f"lock of {offset} over")

    # Database

    def database(
        self, process: "Process", request: r.Request, outcome: str, reply: r.Rows | r.Failure | None = None
    ) -> None:
        kind = words.kind(request)
        text = f"{process.name} {_DID.get(kind, 'runs ' + words.describe(request))}"
        label = words.name(request)
        if isinstance(reply, r.Failure):
            kind = "error"
            text += f"{FAILS}{reply.error} ({reply.arguments[0]})"
        elif isinstance(reply, r.Rows):
            text += words.result(reply)
            if kind == "write" and not self._in_transaction(process):
                text += ", committed at once"
        text += {
            "lose request": ", but the connection breaks before it: all is rolled back",
            "lose reply": ", which succeeds, but the connection breaks before the answer",
        }.get(outcome, "")
        self._add(process, kind, text, label, DATABASE, words.lost(outcome))

    def locked(self, process: "Process", request: r.Execute) -> None:
        text = f"{process.name} waits for another transaction to end: {words.describe(request)}"
        self._add(process, "wait", text, "waits for lock", DATABASE)

    # What the scenario supplies

    def asked(self, process: "Process", request: r.Ask, reply: r.Plain | r.Failure) -> None:
        arguments = ", ".join(words.summary(argument) for argument in request.arguments)
        text = f"{process.name} calls {request.of}.{request.method}({arguments})"
        if isinstance(reply, r.Failure):
            text += f"{FAILS}{reply.error} ({reply.arguments[0]})"
        elif reply is not None:
            text += f": {words.summary(reply)}"
        self._add(process, "ask", text, f"{request.method} {arguments}".strip())

    # Network

    def sent(self, process: "Process", request: r.Send, outcome: str) -> None:
        kind = outcome if outcome in ("delay", "duplicate") else "send"
        ending = {
            "lose": "; it is lost",
            "duplicate": "; the network delivers it twice",
            "delay": "; the network delays it",
        }.get(outcome, "")
        text = f"{process.name} sends {words.summary(request.payload)} to {request.to}{ending}"
        lost = "request" if outcome == "lose" else None
        self._add(process, kind, text, words.summary(request.payload, words.MOST_LABEL), request.to, lost)

    def received(self, process: "Process", sender: str, payload: r.Plain) -> None:
        text = f"{process.name} receives {words.summary(payload)} from {sender}"
        self._add(process, "receive", text, words.summary(payload, words.MOST_LABEL), sender)

    def _add(  # noqa: PLR0913, PLR0917
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
        label = words.cut(label, words.MOST_LABEL)
        if line is None and process.driver is not None:
            line = process.driver.line()
        self._follow_transactions(process.name, kind, lost)
        state = lasting(world)
        self._append(Event(self._step, world.now_ms, process.name, kind, line, text, label, to, lost, state))

    def show(self, events: Iterable[Event]) -> None:
        """Adds events that somebody else has told, with times since the last one; nothing lasting changes."""
        last = self.events[-1] if self.events else None
        since, state = (last.time_ms, last.state) if last else (0, lasting(self._world))
        for event in events:
            self._append(replace(event, step=self._step, time_ms=since + event.time_ms, state=state))

    @property
    def _step(self) -> int:
        """The number of the next event."""
        return len(self.events) + self._left_out

    def _append(self, event: Event) -> None:
        self.events.append(event)
        if len(self.events) > FIRST_EVENTS + LAST_EVENTS:
            del self.events[FIRST_EVENTS]
            self._left_out += 1


def _shares(name: str, group: "AnyGroup", world: "World") -> str:
    """What each member of a group has, and how many records of its topics the group has not committed."""
    members = group.sorted()
    topics = {topic for member in members for topic in member.subscription.topics}
    topics |= {topic for topic, _ in group.committed}
    lanes = [[f"{topic}-{number}" for topic, number in member.assignment] for member in members]
    shares = [
        f"{member.client.here[0]} has {', '.join(mine) or 'none'}"
        for member, mine in zip(members, lanes, strict=True)
    ]
    lag = sum(world.broker.lag(name, topic) for topic in topics)
    return f"{', '.join(shares) or f'{name} has no member'}; lag {lag}"


# Why a commit was refused, by the error's code.
_REFUSED: dict[r.Plain, str] = {
    KafkaError.ILLEGAL_GENERATION: "the group has been rebalanced meanwhile",
    KafkaError.UNKNOWN_MEMBER_ID: "it is no longer a member of the group",
    KafkaError.REBALANCE_IN_PROGRESS: "the group is being rebalanced",
    FATAL: "another has taken its place in the group",
    KafkaError.STALE_MEMBER_EPOCH: "its epoch is not that which the group has for it",
}

# What a callback tells: a sentence, and a label.
_REBALANCES = {
    "assign": ("hears in on_assign that it is given", "on_assign"),
    "revoke": ("hears in on_revoke that it has to give up", "on_revoke"),
    "lost": ("hears in on_lost that it has lost", "on_lost"),
}


# What a process did to its transaction, by the kind of the event.
_DID = {"begin": "begins a transaction", "commit": "commits its transaction", "rollback": "rolls back"}
