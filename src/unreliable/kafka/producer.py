"""Producers: what the client library sends, and sends again.

Rules, and where Apache Kafka defines them
- A producer without idempotence resends when an acknowledgement does not come in time: the record stands in the
  log twice, at two offsets, and the application is not told (fault *lose reply* of a produce; librdkafka's
  `enable.idempotence=false`).
- An idempotent producer (`enable.idempotence=true`; a scenario says so) stamps what it sends with its id and a
  sequence number for each partition, so the broker recognises what is sent again: see `producer_state.py`.
  The id is a life's: after a restart it is another, and what the application sends again is not recognised.
  No more than five batches are under way: before the sixth, what is not acknowledged is sent again.
- A message that is not acknowledged within `DELIVERY_TIMEOUT_MS` has failed with _MSG_TIMED_OUT (fault *error* of
  a produce: here it is not in the log; a real client cannot always know that).
- A batch larger than the topic's `max.message.bytes` is refused with MSG_SIZE_TOO_LARGE, however often it is sent
  (Apache Kafka: UnifiedLog.append, RecordTooLargeException). A batch has one record here.
- Whoever awaits a delivery hears that it failed; `produce` and `flush` do not tell.
- Without a partition the key's CRC32 chooses it (librdkafka's `partitioner=consistent_random`).

`request.timeout.ms` is 2 s (default 30 s) and `delivery.timeout.ms` 4 s (librdkafka's default is 300 s), so that
stories stay short.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING
from zlib import crc32

from unreliable import requests as r
from unreliable.kafka.errors import NOT_DELIVERED, NOT_NOW, PARTITION_UNKNOWN_HERE, TOO_LARGE, TOPIC_UNKNOWN_HERE
from unreliable.kafka.log import Log, Partition
from unreliable.kafka.producer_state import REMEMBERED, ProducerState, Stamp, known, next_stamp

if TYPE_CHECKING:
    from unreliable.world import Process, World

REQUEST_TIMEOUT_MS = 2_000
DELIVERY_TIMEOUT_MS = 4_000
BATCH_BYTES = 70  # of a batch with one record, beside its key, value and headers: 68 to 78


class Producers:
    """The producers of a run. `wake` is told the partition that has a new record."""

    def __init__(self, world: "World", logs: dict[Partition, Log], wake: Callable[[Partition], None]) -> None:
        self._world = world
        self._logs = logs
        self._wake = wake
        self._acknowledged: dict[tuple[str, int, int], r.Record | r.Failure | None] = {}
        self._producers: dict[tuple[str, int, Partition], ProducerState] = {}  # a life is a session
        self._sent: dict[tuple[str, int, int], tuple[r.Produce, Stamp]] = {}  # stamped, not acknowledged
        self._awaited: dict[tuple[str, int], int | None] = {}  # the ticket that a life waits for; None for all

    def _partition(self, request: r.Produce) -> Partition:
        number = request.partition
        if number is None:
            number = crc32(request.key or b"") % sum(topic == request.topic for topic, _ in self._logs)
        return request.topic, number

    def _append(self, request: r.Produce) -> r.Record:
        record = self._logs[self._partition(request)].append(request)
        self._world.changed()
        return record

    def _append_once(self, process: "Process", request: r.Produce, stamp: Stamp) -> r.Record:
        """Appends what an idempotent producer sends, or finds it where it stands already."""
        partition = self._partition(request)
        producer = (*process.here, partition)
        state = self._producers.get(producer)
        offset = known(state, stamp)
        if offset is not None:
            return self._logs[partition][offset]
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

    def produce(self, process: "Process", request: r.Produce, outcome: str) -> None:
        if not any(topic == request.topic for topic, _ in self._logs):
            self._world.answer(process, TOPIC_UNKNOWN_HERE)
            return
        if request.partition is not None and (request.topic, request.partition) not in self._logs:
            self._world.answer(process, PARTITION_UNKNOWN_HERE)
            return
        ticket = process.ticket
        if outcome == "error" or _size(request) > self._world.scenario.max_message_bytes:
            self._fail(process, request, ticket, too_large=outcome != "error")
        else:
            self._take(process, request, ticket, outcome)
        self._world.answer(process, ticket)

    def _take(self, process: "Process", request: r.Produce, ticket: int, outcome: str) -> None:
        """The message gets into the log."""
        stamp = self._stamp(process, request) if process.spec.idempotence else None
        record = self._append_once(process, request, stamp) if stamp else self._append(request)
        self._acknowledged[*process.here, ticket] = record
        trace = self._world.trace
        if trace is not None:
            trace.produced(process, record, outcome)
        self._wake(self._partition(request))
        if outcome == "lose reply":
            self._acknowledged[*process.here, ticket] = None
            if stamp:
                self._sent[*process.here, ticket] = request, stamp
            self._world.after(REQUEST_TIMEOUT_MS, Producers.resend, self, *process.here, request, ticket)

    def _fail(self, process: "Process", request: r.Produce, ticket: int, too_large: bool) -> None:
        """The message does not get into the log: it is refused at once, or given up when its time is over."""
        self._acknowledged[*process.here, ticket] = TOO_LARGE if too_large else None
        if self._world.trace is not None:
            self._world.trace.not_produced(process, request, self._partition(request), too_large)
        if not too_large:
            self._world.after(DELIVERY_TIMEOUT_MS, Producers.give_up, self, *process.here, ticket)

    def give_up(self, name: str, life: int, ticket: int) -> None:
        """The client library has tried for long enough, if its process still lives."""
        if self._world.alive(name, life):
            self._acknowledged[name, life, ticket] = NOT_DELIVERED
            self._tell(self._world.processes[name], ticket)

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
        self._wake(self._partition(request))
        self._tell(process, ticket)

    def _tell(self, process: "Process", ticket: int) -> None:
        """Lets the process go on that waits for this delivery, or for all of them."""
        if process.here in self._awaited:
            if self._awaited[process.here] == ticket:
                del self._awaited[process.here]
                self._world.answer(process, self._acknowledged[*process.here, ticket])
            elif self._awaited[process.here] is None:
                del self._awaited[process.here]
                self.flush(process)

    def deliver(self, process: "Process", request: r.Delivery) -> None:
        here = (*process.here, request.ticket)
        if here not in self._acknowledged:  # no client library has such a ticket
            self._world.answer(process, NOT_NOW)
            return
        record = self._acknowledged[here]
        if record is not None:
            self._world.answer(process, record)
        else:
            self._awaited[process.here] = request.ticket

    def flush(self, process: "Process") -> None:
        in_flight = (life for (*life, _), record in self._acknowledged.items() if record is None)
        if list(process.here) in in_flight:
            self._awaited[process.here] = None
        else:
            self._world.answer(process, 0)

    def crashed(self, process: "Process") -> None:
        self._awaited.pop(process.here, None)

    def state(self) -> object:
        """What is in flight, and what the broker remembers of those who live."""
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
        return in_flight, producers


def _size(request: r.Produce) -> int:
    """How many bytes the broker compares with `max.message.bytes`: those of the batch."""
    texts = (request.key, request.value, *(part for _, part in request.headers))
    names = sum(len(name.encode()) for name, _ in request.headers)
    return BATCH_BYTES + names + sum(len(text) for text in texts if text is not None)
