"""Producers: what the client library sends, and sends again.

Rules, and where Apache Kafka defines them
- A producer without idempotence resends when an acknowledgement does not come in time: the record stands in the
  log twice, at two offsets, and the application is not told (fault *lose reply* of a produce; librdkafka's
  `enable.idempotence=false`).
- A message whose request is lost comes later, behind those that were sent after it (fault *retry request*;
  librdkafka's `max.in.flight`). With idempotence it does not get behind: they wait.
- A message may stay in the producer's buffer for `BUFFER_MS`, and with it those after it (fault *delay*;
  AIOProducer's `buffer_timeout`). `flush` sends them. A process that dies, or returns, takes them with it.
- An idempotent producer (`enable.idempotence=true`; a scenario says so) stamps what it sends with its id and a
  sequence number for each partition, so the broker recognises what is sent again: see `producer_state.py`. The id
  is a life's: after a restart it is another, and what the application sends again is not recognised. No more than
  five batches are under way: before the sixth, what is not acknowledged is sent again.
- What a transactional producer sends belongs to its transaction (`transactional.py`). It is idempotent, and its id
  and epoch are the coordinator's: a lost acknowledgement can make no difference to anybody.
- A message that is not acknowledged within `DELIVERY_TIMEOUT_MS` has failed with _MSG_TIMED_OUT (fault *error* of
  a produce: here it is not in the log; a real client cannot always know that).
- A batch larger than the topic's `max.message.bytes` is refused with MSG_SIZE_TOO_LARGE, however often it is sent
  (Apache Kafka: UnifiedLog.append, RecordTooLargeException). A batch has one record here.
- Whoever awaits a delivery hears that it failed; `produce` and `flush` do not tell.
- Without a partition the key's CRC32 chooses it; without a key, or with an empty one, chance (librdkafka's
  `partitioner=consistent_random`): here, what the process has asked for before.

`request.timeout.ms` is 2 s (default 30 s) and `delivery.timeout.ms` 4 s (librdkafka's default is 300 s), so that
stories stay short.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from zlib import crc32

from unreliable import requests as r
from unreliable.kafka.errors import NOT_DELIVERED, NOT_NOW, PARTITION_UNKNOWN_HERE, TOO_LARGE, TOPIC_UNKNOWN_HERE
from unreliable.kafka.log import Log, Partition
from unreliable.kafka.producer_state import REMEMBERED, Refused, Stamp
from unreliable.kafka.transactional import Transactional

if TYPE_CHECKING:
    from unreliable.world import Process, World

REQUEST_TIMEOUT_MS = 2_000
DELIVERY_TIMEOUT_MS = 4_000
BUFFER_MS = 1_000  # buffer_timeout
BATCH_BYTES = 70  # of a batch with one record, beside its key, value and headers: 68 to 78


class Producers:
    """The producers of a run. `wake` is told the partition that has a new record."""

    def __init__(
        self,
        world: "World",
        logs: dict[Partition, Log],
        transactional: Transactional,
        wake: Callable[[Partition], None],
    ) -> None:
        self._world = world
        self._logs = logs
        self._transactional = transactional
        self._wake = wake
        self._acknowledged: dict[tuple[str, int, int], r.Record | r.Failure | None] = {}
        self._sent: dict[tuple[str, int, int], tuple[r.Produce, Stamp]] = {}  # stamped, not acknowledged
        self._buffered: dict[tuple[str, int], list[tuple[int, r.Produce]]] = {}  # by life, in their order
        self._awaited: dict[tuple[str, int], int | None] = {}  # the ticket that a life waits for; None for all

    def _with_partition(self, process: "Process", request: r.Produce) -> r.Produce:
        """The message with the partition that it is for."""
        if request.partition is not None:
            return request
        text = request.key or f"{process.name} {process.ticket}".encode()
        return replace(request, partition=crc32(text) % sum(topic == request.topic for topic, _ in self._logs))

    def _append(self, process: "Process", request: r.Produce, stamp: Stamp | None) -> r.Record:
        """Appends the record; what an idempotent producer sends again is found where it stands. Raises Refused."""
        log = self._logs[_partition(request)]
        end = log.end
        if stamp is None:
            record = log.append(request)
        else:
            client = self._transactional.client(process)
            producer = process.here if client is None else client.transactional_id
            record = log.append_once(request, producer, stamp, transactional=client is not None)
        if log.end > end:
            self._world.changed()
        return record

    def _stamp(self, process: "Process", request: r.Produce) -> Stamp | None:
        """The next stamp for this partition, once there is room for one more batch under way."""
        if not process.spec.producer_config.idempotence:
            return None
        client = self._transactional.client(process)
        partition = _partition(request)
        if client is not None:
            return self._logs[partition].next_stamp(client.transactional_id, client.epoch)
        stamp = self._logs[partition].next_stamp(process.here, 0)
        for (name, life, ticket), (earlier, sent) in list(self._sent.items()):
            of_here = (name, life) == process.here and _partition(earlier) == partition
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
        request = self._with_partition(process, request)
        ticket = process.ticket
        client = self._transactional.client(process)
        refusal = None if client is None else self._transactional.joins(client, _partition(request))
        if refusal is not None:
            self._refuse(process, request, ticket, refusal)
        elif outcome == "error" or _size(request) > self._world.scenario.max_message_bytes:
            self._fail(process, request, ticket, too_large=outcome != "error")
        elif outcome == "delay" or process.here in self._buffered:
            self._buffer(process, request, ticket)
        elif outcome == "retry request":
            self._lose(process, request, ticket)
        else:
            self._take(process, request, ticket, outcome)
        self._world.answer(process, ticket)

    def _take(self, process: "Process", request: r.Produce, ticket: int, outcome: str) -> None:
        """The message gets into the log."""
        stamp = self._stamp(process, request)
        try:
            record = self._append(process, request, stamp)
        except Refused as refused:
            self._refuse(process, request, ticket, self._transactional.fenced(process, refused.code))
            return
        self._acknowledged[*process.here, ticket] = record
        trace = self._world.trace
        if trace is not None:
            trace.produced(process, record, outcome)
        self._wake(_partition(request))
        if process.spec.producer_config.transactional_id is not None:
            self._transactional.has_written(process)
        if outcome == "lose reply":
            self._acknowledged[*process.here, ticket] = None
            if stamp:
                self._sent[*process.here, ticket] = request, stamp
            self._world.after(REQUEST_TIMEOUT_MS, Producers.resend, self, *process.here, request, ticket)

    def _refuse(self, process: "Process", request: r.Produce, ticket: int, failure: r.Failure) -> None:
        """The transaction does not take it: there is none, or the producer was fenced."""
        self._acknowledged[*process.here, ticket] = failure
        if self._world.trace is not None:
            self._world.trace.not_produced(process, request, _partition(request), failure)

    def _fail(self, process: "Process", request: r.Produce, ticket: int, too_large: bool) -> None:
        """The message does not get into the log: it is refused at once, or given up when its time is over."""
        self._transactional.undelivered(process)
        self._acknowledged[*process.here, ticket] = TOO_LARGE if too_large else None
        if self._world.trace is not None:
            self._world.trace.not_produced(process, request, _partition(request), TOO_LARGE if too_large else None)
        if not too_large:
            self._world.after(DELIVERY_TIMEOUT_MS, Producers.give_up, self, *process.here, ticket)

    def _buffer(self, process: "Process", request: r.Produce, ticket: int) -> None:
        """The message stays where it is, for now."""
        self._acknowledged[*process.here, ticket] = None
        if process.here not in self._buffered:
            self._buffered[process.here] = []
            self._world.after(BUFFER_MS, Producers.empty, self, *process.here)
        self._buffered[process.here].append((ticket, request))
        if self._world.trace is not None:
            self._world.trace.buffered(process, request)

    def empty(self, name: str, life: int) -> None:
        """Sends what is in the buffer."""
        if not self._world.alive(name, life):
            return
        process = self._world.processes[name]
        for ticket, request in self._buffered.pop((name, life), ()):
            self._take(process, request, ticket, "ok")
            self._tell(process, ticket)

    def _lose(self, process: "Process", request: r.Produce, ticket: int) -> None:
        """The request does not arrive; the client library sends it again when its time is over."""
        self._acknowledged[*process.here, ticket] = None
        if self._world.trace is not None:
            self._world.trace.sent_in_vain(process, request, _partition(request))
        self._world.after(REQUEST_TIMEOUT_MS, Producers.resend, self, *process.here, request, ticket)

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
        try:
            record = self._append(process, request, stamp)
        except Refused as refused:
            self._refuse(process, request, ticket, self._transactional.fenced(process, refused.code))
            self._tell(process, ticket)
            return
        self._acknowledged[name, life, ticket] = record
        if self._world.trace is not None:
            self._world.trace.resent(process, record, recognised=stamp is not None)
        self._wake(_partition(request))
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

    def in_flight(self, process: "Process") -> bool:
        """Whether a message of this life is neither delivered nor given up."""
        return any(
            record is None and (name, life) == process.here
            for (name, life, _), record in self._acknowledged.items()
        )

    def flush(self, process: "Process") -> None:
        self.empty(*process.here)
        if self.in_flight(process):
            self._awaited[process.here] = None
        else:
            self._world.answer(process, 0)

    def crashed(self, process: "Process") -> None:
        self._buffered.pop(process.here, None)
        self._awaited.pop(process.here, None)

    def state(self) -> object:
        """What is in flight, or in a buffer, of those who live."""
        in_flight = tuple(
            (name, ticket, record, self._sent.get((name, life, ticket)))
            for (name, life, ticket), record in self._acknowledged.items()
            if self._world.alive(name, life)
        )
        return in_flight, tuple((name, tuple(messages)) for (name, _), messages in self._buffered.items())


def _partition(request: r.Produce) -> Partition:
    assert request.partition is not None
    return request.topic, request.partition


def _size(request: r.Produce) -> int:
    """How many bytes the broker compares with `max.message.bytes`: those of the batch."""
    texts = (request.key, request.value, *(part for _, part in request.headers))
    names = sum(len(name.encode()) for name, _ in request.headers)
    return BATCH_BYTES + names + sum(len(text) for text in texts if text is not None)
