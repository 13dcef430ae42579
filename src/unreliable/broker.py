"""The broker: topics of partitions, consumer groups, and a producer that resends.

Rules, and where Apache Kafka defines them
- A partition is a log; a record's offset is its place in it and never changes.
- A producer without idempotence resends when an acknowledgement does not come in time: the record stands in the
  log twice, at two offsets, and the application is not told (fault *lose reply* of a produce; librdkafka's
  `enable.idempotence=false`).
- An idempotent producer (`enable.idempotence=true`; a scenario says so) stamps what it sends with its id and a
  sequence number for each partition, so the broker recognises what is sent again: see `kafka/producer_state.py`.
  The id is a life's: after a restart it is another, and what the application sends again is not recognised.
  No more than five batches are under way: before the sixth, what is not acknowledged is sent again.
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

Timeouts are set short, so that stories stay short: `session.timeout.ms` is 6 s (the least a broker allows by
default; the default is 45 s), `request.timeout.ms` 2 s (default 30 s).

Left out here: replication, batches of more than one record, transactions, isolation, static and cooperative
membership.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from zlib import crc32

from unreliable import requests as r
from unreliable.clients.confluent_kafka import (
    ERRONEOUS_STATE,
    INVALID_ARGUMENT,
    NO_OFFSET,
    OFFSET_BEGINNING,
    OFFSET_END,
    UNKNOWN_PARTITION,
    UNKNOWN_TOPIC,
    KafkaError,
)
from unreliable.kafka.producer_state import REMEMBERED, ProducerState, Stamp, known, next_stamp

if TYPE_CHECKING:
    from unreliable.world import Process, World

SESSION_TIMEOUT_MS = 6_000
REQUEST_TIMEOUT_MS = 2_000

LEAST_WAIT_MS = 250  # of a poll in vain: asking more often would make runs longer and find nothing more

type Partition = tuple[str, int]


def _kafka_failure(code: int, reason: str) -> r.Failure:
    return r.Failure("KafkaException", (code, reason))


TIMED_OUT = _kafka_failure(KafkaError.REQUEST_TIMED_OUT, "Broker: Request timed out")
NOT_A_MEMBER = _kafka_failure(KafkaError.UNKNOWN_MEMBER_ID, "Broker: Unknown member")
NOTHING_TO_COMMIT = _kafka_failure(NO_OFFSET, "Local: No offset stored")
NO_SUCH_PARTITION = _kafka_failure(KafkaError.UNKNOWN_TOPIC_OR_PART, "Broker: Unknown topic or partition")


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


class Broker:
    requests: ClassVar = (
        *(r.Produce, r.Delivery, r.Flush, r.Poll, r.CommitOffsets),
        *(r.Seek, r.Committed, r.Assignment),
    )

    def __init__(self, world: "World", topics: dict[str, int]) -> None:
        self._world = world
        self.logs: dict[Partition, list[r.Record]] = {
            (topic, number): [] for topic, count in topics.items() for number in range(count)
        }
        self.groups: dict[str, Group] = {}
        self._acknowledged: dict[tuple[str, int, int], r.Record | None] = {}
        self._producers: dict[tuple[str, int, Partition], ProducerState] = {}  # a life is a session
        self._sent: dict[tuple[str, int, int], tuple[r.Produce, Stamp]] = {}  # stamped, not acknowledged
        self._awaited: dict[tuple[str, int], int | None] = {}  # the ticket that a life waits for; None for all

    def options(self, request: type[r.Request]) -> tuple[str, ...]:
        if request is r.Produce:
            return ("lose reply",)
        return ("lose request", "lose reply") if request is r.CommitOffsets else ()

    def perform(self, process: "Process", request: r.Request, outcome: str) -> None:
        match request:
            case r.Poll():
                self._poll(process, request)
            case r.CommitOffsets():
                self._commit(process, request, outcome)
            case r.Produce():
                self._produce(process, request, outcome)
            case r.Delivery():
                self._deliver(process, request)
            case r.Flush():
                self._flush(process)
            case r.Seek():
                self._seek(process, request)
            case r.Committed():
                committed = self._group(process).committed
                self._world.answer(process, tuple(committed.get(key) for key in request.partitions))
            case _:
                member = self._group(process).members.get(process.here)
                self._world.answer(process, member.assignment if member else ())

    # Producing

    def append(self, topic: str, value: bytes | None, key: bytes | None, partition: int | None = None) -> r.Record:
        """Puts a record at the end of a partition: the given one, or the one that the key hashes to."""
        record = self._append(r.Produce(topic, value, key, partition, ()))
        self._wake(record)
        return record

    def _partition(self, request: r.Produce) -> Partition:
        number = request.partition
        if number is None:
            number = crc32(request.key or b"") % sum(topic == request.topic for topic, _ in self.logs)
        return request.topic, number

    def _append(self, request: r.Produce) -> r.Record:
        _, number = partition = self._partition(request)
        log = self.logs[partition]
        record = r.Record(request.topic, number, len(log), request.key, request.value, request.headers)
        log.append(record)
        self._world.changed()
        return record

    def _append_once(self, process: "Process", request: r.Produce, stamp: Stamp) -> r.Record:
        """Appends what an idempotent producer sends, or finds it where it stands already."""
        partition = self._partition(request)
        producer = (*process.here, partition)
        state = self._producers.get(producer)
        offset = known(state, stamp)
        if offset is not None:
            return self.logs[partition][offset]
        record = self._append(request)
        self._producers[producer] = (state or ProducerState(stamp.epoch)).after(stamp, record.offset)
        return record

    def _stamp(self, process: "Process", request: r.Produce) -> Stamp:
        """The next stamp for this partition, once there is room for one more batch under way."""
        partition = self._partition(request)
        stamp = next_stamp(self._producers.get((*process.here, partition)))
        for (name, life, ticket), (earlier, sent) in list(self._sent.items()):
            of_here = (name, life) == process.here and self._partition(earlier) == partition
            if of_here and stamp.first - sent.first >= REMEMBERED:
                self.resend(name, life, earlier, ticket)
        return stamp

    def _produce(self, process: "Process", request: r.Produce, outcome: str) -> None:
        if not any(topic == request.topic for topic, _ in self.logs):
            self._world.answer(process, _kafka_failure(UNKNOWN_TOPIC, "Local: Unknown topic"))
            return
        if request.partition is not None and (request.topic, request.partition) not in self.logs:
            self._world.answer(process, _kafka_failure(UNKNOWN_PARTITION, "Local: Unknown partition"))
            return
        stamp = self._stamp(process, request) if process.spec.idempotence else None
        record = self._append_once(process, request, stamp) if stamp else self._append(request)
        ticket = _ticket(process)
        self._acknowledged[*process.here, ticket] = record
        trace = self._world.trace
        if trace is not None:
            trace.produced(process, record, outcome)
        self._wake(record)
        if outcome == "lose reply":
            self._acknowledged[*process.here, ticket] = None
            if stamp:
                self._sent[*process.here, ticket] = request, stamp
            self._world.after(REQUEST_TIMEOUT_MS, Broker.resend, self, *process.here, request, ticket)
        self._world.answer(process, ticket)

    def resend(self, name: str, life: int, request: r.Produce, ticket: int) -> None:
        """The client library sends again what was not acknowledged in time, if its process still lives."""
        process = self._world.processes[name]
        if not self._world.alive(name, life) or self._acknowledged[name, life, ticket] is not None:
            return
        _, stamp = self._sent.pop((name, life, ticket), (request, None))
        record = self._append_once(process, request, stamp) if stamp else self._append(request)
        self._acknowledged[name, life, ticket] = record
        if self._world.trace is not None:
            self._world.trace.resent(process, record, recognised=stamp is not None)
        self._wake(record)
        if process.here in self._awaited:
            if self._awaited[process.here] == ticket:
                del self._awaited[process.here]
                self._world.answer(process, record)
            elif self._awaited[process.here] is None:
                del self._awaited[process.here]
                self._flush(process)

    def _deliver(self, process: "Process", request: r.Delivery) -> None:
        here = (*process.here, request.ticket)
        if here not in self._acknowledged:  # no client library has such a ticket
            self._world.answer(process, _kafka_failure(ERRONEOUS_STATE, "Local: Erroneous state"))
            return
        record = self._acknowledged[here]
        if record is not None:
            self._world.answer(process, record)
        else:
            self._awaited[process.here] = request.ticket

    def _flush(self, process: "Process") -> None:
        in_flight = (life for (*life, _), record in self._acknowledged.items() if record is None)
        if list(process.here) in in_flight:
            self._awaited[process.here] = None
        else:
            self._world.answer(process, 0)

    # Consuming

    def _group(self, process: "Process") -> Group:
        return self.groups.setdefault(process.spec.group, Group())

    def _poll(self, process: "Process", request: r.Poll) -> None:
        group = self._group(process)
        member = group.members.get(process.here)
        if member is None:
            member = group.members[process.here] = Member(process)
            group.preparing = True
            if self._world.trace is not None:
                self._world.trace.joined(process)
        member.waiting = _ticket(process)
        member.most = request.most
        if group.preparing:
            member.rejoined = True
            self._complete(group)
        else:
            self._serve(group, member)
        if member.waiting and request.timeout_ms is not None:
            wait_ms = max(request.timeout_ms, LEAST_WAIT_MS)
            self._world.after(wait_ms, Broker.waited_in_vain, self, *process.here, member.waiting)

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
            log = self.logs[partition]
            position = member.positions[partition]
            if position > len(log):
                position = 0
            found = log[position : position + (member.most or 1) - len(records)]
            if found:
                member.positions[partition] = position + len(found)
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

    def _wake(self, record: r.Record) -> None:
        """Lets those have the new record who wait for one of its partition."""
        partition = (record.topic, record.partition)
        for group in self.groups.values():
            for member in group.members.values():
                if member.waiting and partition in member.assignment and not group.preparing:
                    self._serve(group, member)

    def _commit(self, process: "Process", request: r.CommitOffsets, outcome: str) -> None:
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
        if any((topic, partition) not in self.logs for topic, partition, _ in offsets or ()):
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

    def _seek(self, process: "Process", request: r.Seek) -> None:
        partition = (request.topic, request.partition)
        member = self._group(process).members.get(process.here)
        if member is None:
            self._world.answer(process, _kafka_failure(UNKNOWN_PARTITION, "Local: Unknown partition"))
            return
        if partition not in member.assignment:
            self._world.answer(process, _kafka_failure(ERRONEOUS_STATE, "Local: Erroneous state"))
            return
        offset = {OFFSET_BEGINNING: 0, OFFSET_END: len(self.logs[partition])}.get(request.offset, request.offset)
        if offset < 0:
            self._world.answer(
                process, _kafka_failure(INVALID_ARGUMENT, "Local: Invalid argument or configuration")
            )
            return
        member.positions[partition] = offset
        self._world.answer(process, None)

    # Groups

    def crashed(self, process: "Process") -> None:
        """The broker notices only when the session is over."""
        self._awaited.pop(process.here, None)
        self.silent(process, SESSION_TIMEOUT_MS)

    def silent(self, process: "Process", duration_ms: int) -> None:
        """The process sends no heartbeats for this long."""
        group = self.groups.get(process.spec.group)
        if group and process.here in group.members and duration_ms >= SESSION_TIMEOUT_MS:
            group.members[process.here].waiting = 0
            self._world.after(SESSION_TIMEOUT_MS, Broker.expire, self, *process.here)

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
            partitions = [key for key in self.logs if key[0] == topic]
            subscribed = [other for other in members if topic in self._topics(other)]
            number = subscribed.index(member)
            share, extra = divmod(len(partitions), len(subscribed))
            first = number * share + min(number, extra)
            mine += partitions[first : first + share + (number < extra)]
        return tuple(mine)

    def _topics(self, member: Member) -> tuple[str, ...]:
        return member.process.spec.subscribes or tuple(dict.fromkeys(topic for topic, _ in self.logs))

    def lag(self, group: str, topic: str) -> int:
        """How many records of the topic the group has not committed yet."""
        committed = self.groups[group].committed if group in self.groups else {}
        lags = (len(log) - committed.get(key, 0) for key, log in self.logs.items() if key[0] == topic)
        return sum(max(0, lag) for lag in lags)

    def state(self) -> object:
        """What the rest of the run depends on: logs, offsets, and who is in which group."""
        logs = tuple(map(tuple, self.logs.values()))
        groups = tuple((name, self._group_state(group)) for name, group in sorted(self.groups.items()))
        in_flight = tuple(
            (name, ticket, record, self._sent.get((name, life, ticket)))
            for (name, life, ticket), record in self._acknowledged.items()
            if self._world.alive(name, life)
        )
        producers = tuple(
            (name, partition, state)
            for (name, life, partition), state in self._producers.items()
            if self._world.alive(name, life)
        )
        return logs, groups, in_flight, producers

    def _group_state(self, group: Group) -> object:
        members = tuple(
            (
                *(name, self._world.alive(name, life), member.rejoined, bool(member.waiting)),
                *(member.assignment, tuple(sorted(member.positions.items()))),
            )
            for (name, life), member in sorted(group.members.items())
        )
        return group.preparing, tuple(sorted(group.committed.items())), members


def _ticket(process: "Process") -> int:
    """A number for what this life of the process asks for now; the same in every run with the same past."""
    assert process.heard is not None
    return len(process.heard) + 1
