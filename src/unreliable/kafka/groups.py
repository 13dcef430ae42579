"""Consumers and their groups: who reads which partition, from where, and what they have committed.

Rules, and where Apache Kafka defines them
- A group gives each partition to one member (range assignor). Who joins or leaves makes the group prepare a
  rebalance; it completes when every member has polled again or its session is over. Then every member starts
  from the committed offsets (the eager protocol; KIP-429 describes both).
- The committed offset is that of the next record to read. Committing one that is lower than before is allowed.
  A partition without one, or with one that its log has not reached, is read from the start
  (`auto.offset.reset=earliest`). Without arguments a commit is of what was read since the last
  (librdkafka: _NO_OFFSET if that is nothing).
- A member that is silent for `SESSION_TIMEOUT_MS` is out; what it commits then fails with UNKNOWN_MEMBER_ID.
  While a rebalance is prepared, commits of the members are still accepted.
- A commit's request or its reply may get lost (*lose request*, *lose reply*): both are REQUEST_TIMED_OUT to the
  consumer, which cannot tell them apart.

`session.timeout.ms` is 6 s (the least a broker allows by default; the default is 45 s), so that stories stay
short.

Left out here: static and cooperative membership.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from unreliable import requests as r
from unreliable.clients.confluent_kafka import OFFSET_BEGINNING, OFFSET_END
from unreliable.kafka.errors import (
    NO_SUCH_PARTITION,
    NOT_A_MEMBER,
    NOT_NOW,
    NOT_VALID,
    NOTHING_TO_COMMIT,
    PARTITION_UNKNOWN_HERE,
    TIMED_OUT,
)
from unreliable.kafka.log import Log, Partition
from unreliable.kafka.producer import REQUEST_TIMEOUT_MS

if TYPE_CHECKING:
    from unreliable.world import Process, World

SESSION_TIMEOUT_MS = 6_000

LEAST_WAIT_MS = 250  # of a poll in vain: asking more often would make runs longer and find nothing more


@dataclass(slots=True)
class Member:
    """A consumer in its group. `waiting` is the ticket of the poll that it waits in, or 0; `most` its batch."""

    process: "Process"
    assignment: tuple[Partition, ...] = ()
    positions: dict[Partition, int] = field(default_factory=dict[Partition, int])
    rejoined: bool = False
    waiting: int = 0
    most: int | None = None


@dataclass(slots=True)
class Group:
    committed: dict[Partition, int] = field(default_factory=dict[Partition, int])
    members: dict[tuple[str, int], Member] = field(default_factory=dict[tuple[str, int], Member])
    preparing: bool = False


class Consumers:
    """The consumers of a run, in their groups."""

    def __init__(self, world: "World", logs: dict[Partition, Log]) -> None:
        self._world = world
        self._logs = logs
        self.groups: dict[str, Group] = {}

    def _group(self, process: "Process") -> Group:
        return self.groups.setdefault(process.spec.group, Group())

    def committed_by(self, group: str) -> dict[Partition, int]:
        """What this group has committed."""
        return self.groups.setdefault(group, Group()).committed

    def committed(self, process: "Process", request: r.Committed) -> None:
        committed = self._group(process).committed
        self._world.answer(process, tuple(committed.get(key) for key in request.partitions))

    def assignment(self, process: "Process") -> None:
        member = self._group(process).members.get(process.here)
        self._world.answer(process, member.assignment if member else ())

    def poll(self, process: "Process", request: r.Poll) -> None:
        group = self._group(process)
        member = group.members.get(process.here)
        if member is None:
            member = group.members[process.here] = Member(process)
            group.preparing = True
            if self._world.trace is not None:
                self._world.trace.joined(process)
        member.waiting = process.ticket
        member.most = request.most
        if group.preparing:
            member.rejoined = True
            self._complete(group)
        else:
            self._serve(group, member)
        if member.waiting and request.timeout_ms is not None:
            wait_ms = max(request.timeout_ms, LEAST_WAIT_MS)
            self._world.after(wait_ms, Consumers.waited_in_vain, self, *process.here, member.waiting)

    def waited_in_vain(self, name: str, life: int, ticket: int) -> None:
        """The poll's time is over: None, unless a message came meanwhile."""
        process = self._world.processes[name]
        member = self._group(process).members.get((name, life))
        if member is None or member.waiting != ticket or not self._world.alive(name, life):
            return
        member.waiting = 0
        self._world.waited(process)
        self._world.answer(process, None if member.most is None else ())

    def _serve(self, group: Group, member: Member) -> None:
        """Answers a waiting poll if there is a record: with it, or with as many as the batch may hold."""
        records: list[r.Record] = []
        for partition in member.assignment:
            room = (member.most or 1) - len(records)
            found, member.positions[partition] = self._logs[partition].read(member.positions[partition], room)
            records += found
        if not records:
            return
        process = member.process
        member.waiting = 0
        if self._world.trace is not None:
            for record in records:
                self._world.trace.polled(process, record)
        process.at_moment = -1  # a message is progress, even one that was read before
        self._world.answer(process, records[0] if member.most is None else tuple(records))

    def wake(self, partition: Partition) -> None:
        """Lets those have the new record of this partition who wait for one."""
        for group in self.groups.values():
            for member in group.members.values():
                if member.waiting and partition in member.assignment and not group.preparing:
                    self._serve(group, member)

    def commit(self, process: "Process", request: r.CommitOffsets, outcome: str) -> None:
        group = self._group(process)
        member = group.members.get(process.here)
        trace = self._world.trace
        offsets = request.offsets
        if offsets is None and member is not None:
            offsets = tuple(
                (*partition, position)
                for partition, position in sorted(member.positions.items())
                if position > group.committed.get(partition, 0)
            )
        if any((topic, partition) not in self._logs for topic, partition, _ in offsets or ()):
            self._world.answer(process, NO_SUCH_PARTITION)
            return
        if member is not None and not offsets:
            self._world.answer(process, NOTHING_TO_COMMIT)
            return
        refused = member is None
        if not refused and outcome != "lose request":
            before = dict(group.committed)
            group.committed.update({(topic, partition): offset for topic, partition, offset in offsets or ()})
            if before != group.committed:
                self._world.changed()
        if trace is not None:
            trace.committed_offsets(process, offsets or (), "refused" if refused else outcome)
        reply: Any = NOT_A_MEMBER if refused else offsets
        if outcome == "ok":
            self._world.answer(process, reply)
        else:
            self._world.answer(process, TIMED_OUT, REQUEST_TIMEOUT_MS)

    def seek(self, process: "Process", request: r.Seek) -> None:
        partition = (request.topic, request.partition)
        member = self._group(process).members.get(process.here)
        if member is None:
            self._world.answer(process, PARTITION_UNKNOWN_HERE)
            return
        if partition not in member.assignment:
            self._world.answer(process, NOT_NOW)
            return
        offset = {OFFSET_BEGINNING: 0, OFFSET_END: self._logs[partition].end}.get(request.offset, request.offset)
        if offset < 0:
            self._world.answer(process, NOT_VALID)
            return
        member.positions[partition] = offset
        self._world.answer(process, None)

    # Groups

    def crashed(self, process: "Process") -> None:
        """The broker notices only when the session is over."""
        self.silent(process, SESSION_TIMEOUT_MS)

    def silent(self, process: "Process", duration_ms: int) -> None:
        """The process sends no heartbeats for this long."""
        group = self.groups.get(process.spec.group)
        if group and process.here in group.members and duration_ms >= SESSION_TIMEOUT_MS:
            group.members[process.here].waiting = 0
            self._world.after(SESSION_TIMEOUT_MS, Consumers.expire, self, *process.here)

    def expire(self, name: str, life: int) -> None:
        """A session is over: the member is out, its partitions go to the others."""
        process = self._world.processes[name]
        group = self._group(process)
        if group.members.pop((name, life), None) is None:
            return
        if self._world.trace is not None:
            self._world.trace.expired(process)
        group.preparing = True
        self._world.changed(lasting=False)
        self._complete(group)

    def _complete(self, group: Group) -> None:
        """Ends the rebalance if nobody is missing: assigns, and starts every member at what is committed."""
        members = [group.members[key] for key in sorted(group.members)]
        for member in members:
            member.rejoined = member.rejoined or bool(member.waiting)
        if not all(member.rejoined for member in members):
            return
        group.preparing = False
        for member in members:
            member.assignment = self._range(member, members)
            member.positions = {partition: group.committed.get(partition, 0) for partition in member.assignment}
            member.rejoined = False
        if self._world.trace is not None and members:
            self._world.trace.assigned({m.process.name: m.assignment for m in members})
        for member in members:
            if member.waiting:
                self._serve(group, member)

    def _range(self, member: Member, members: list[Member]) -> tuple[Partition, ...]:
        """Kafka's RangeAssignor: per topic, consecutive partitions, the first of its members one more."""
        mine: list[Partition] = []
        for topic in self._topics(member):
            partitions = [key for key in self._logs if key[0] == topic]
            subscribed = [other for other in members if topic in self._topics(other)]
            number = subscribed.index(member)
            share, extra = divmod(len(partitions), len(subscribed))
            first = number * share + min(number, extra)
            mine += partitions[first : first + share + (number < extra)]
        return tuple(mine)

    def _topics(self, member: Member) -> tuple[str, ...]:
        return member.process.spec.subscribes or tuple(dict.fromkeys(topic for topic, _ in self._logs))

    def state(self) -> object:
        """What is committed, and who is in which group."""
        return tuple((name, self._group_state(group)) for name, group in sorted(self.groups.items()))

    def _group_state(self, group: Group) -> object:
        members = tuple(
            (
                *(name, self._world.alive(name, life), member.rejoined, bool(member.waiting)),
                *(member.assignment, tuple(sorted(member.positions.items()))),
            )
            for (name, life), member in sorted(group.members.items())
        )
        return group.preparing, tuple(sorted(group.committed.items())), members
