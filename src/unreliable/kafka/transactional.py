"""Transactional producers: what the client library lets its application do, and what becomes of refusals.

Rules, and where they are defined (librdkafka: INTRODUCTION.md, "Transactional producer API"; rdkafka_txnmgr.c)
- `ALLOWED` says what each state allows; all else is an erroneous state (_STATE), unless the transaction has
  failed.
- A refusal of the broker is of one of three kinds, and the error says which. *Fatal*: the producer was fenced, and
  nothing that it asks for will succeed (_FENCED). *Abort*: the transaction cannot commit any more; whatever is
  asked for but an abort is answered with the same error. *Retriable*: asking again goes on with what was begun.
- A commit or an abort that is not answered within its timeout is retriable (_TIMED_OUT): the broker may have done
  it, or not (faults *lose request*, *lose reply*). Until it is asked for again, all else is refused (_CONFLICT).
- 21. Offsets are sent with the group metadata of a consumer: if that is no member of the group any more, or of an
  older generation, they are refused, and the transaction requires an abort (KIP-447). 22: metadata of a consumer
  that has never joined fences nobody, even if the group has members.
- Offsets that are not answered for in time require an abort (fault *lose request*; _TIMED_OUT).
- A request or an answer that is lost only once is sent again, and the application is not told (*retry request*,
  *retry reply*); so is a request that finds the coordinator busy.
- A transaction of which a message could not be delivered requires an abort (_INCONSISTENT).
- A transaction in which nothing was written ends without a request.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unreliable import requests as r
from unreliable.clients.confluent_kafka import KafkaError
from unreliable.kafka.errors import (
    FENCED_PRODUCER,
    NO_ANSWER,
    NO_ANSWER_TO_OFFSETS,
    NO_SUCH_PARTITION,
    NOT_NOW,
    NOT_TRANSACTIONAL,
    PRODUCER_HAS_FAILED,
    REFUSALS,
    SOME_UNDELIVERED,
    STILL_UNDER_WAY,
    kafka_failure,
    of_kind,
)
from unreliable.kafka.groups import AnyGroup
from unreliable.kafka.log import Partition, Producer
from unreliable.kafka.producer_state import Refused
from unreliable.kafka.transactions import Coordinator

if TYPE_CHECKING:
    from unreliable.world import Process, World

RETRY_MS = 100  # retry.backoff.ms
RESEND_MS = 2_000  # until the client library sends again what was lost

INIT, READY, IN_TRANSACTION = "Init", "Ready", "InTransaction"
COMMITTING, ABORTING = "CommittingTransaction", "AbortingTransaction"
ABORTABLE, FATAL = "AbortableError", "FatalError"

ALLOWED: dict[str, tuple[str, ...]] = {
    INIT: ("init",),
    READY: ("begin",),
    IN_TRANSACTION: ("produce", "send offsets", "commit", "abort"),
    COMMITTING: ("commit",),
    ABORTING: ("abort",),
    ABORTABLE: ("abort",),
    FATAL: (),
}
FENCING = (KafkaError.INVALID_PRODUCER_EPOCH, KafkaError.PRODUCER_FENCED)
FATAL_REFUSALS = (*FENCING, KafkaError.INVALID_TXN_STATE, KafkaError.INVALID_TRANSACTION_TIMEOUT)


@dataclass(slots=True)
class Client:
    """The transactional producer of one life of a process. `written`: the broker knows of the transaction."""

    transactional_id: str
    epoch: int = -1
    state: str = INIT
    written: bool = False
    undelivered: int = 0
    error: r.Failure | None = None  # why the transaction, or the producer, has failed

    def refusal(self, wish: str) -> r.Failure | None:
        """Why the application may not do this now; None if it may."""
        if wish in ALLOWED[self.state]:
            return None
        if self.state in {FATAL, ABORTABLE}:
            return self.error
        return STILL_UNDER_WAY if self.state in {COMMITTING, ABORTING} else NOT_NOW

    def refused(self, code: int) -> r.Failure:
        """What a refusal of the broker's is to the application."""
        if code in FENCING:
            self.error = FENCED_PRODUCER
        else:
            self.error = kafka_failure(code, REFUSALS[code], "fatal" if code in FATAL_REFUSALS else "abort")
        self.state = FATAL if code in FATAL_REFUSALS else ABORTABLE
        return self.error

    def fails(self, failure: r.Failure) -> r.Failure:
        """The transaction cannot commit any more."""
        self.state = ABORTABLE
        self.error = of_kind(failure, "abort")
        return self.error


class Transactional:
    """The transactional producers of a run."""

    def __init__(self, world: "World", coordinator: Coordinator, group: Callable[[str], AnyGroup]) -> None:
        self._world = world
        self._coordinator = coordinator
        self._group = group
        self._clients: dict[tuple[str, int], Client] = {}

    def client(self, process: "Process") -> Client | None:
        """The transactional producer of this life; None if the process has no transactional.id."""
        transactional_id = process.spec.producer_config.transactional_id
        if transactional_id is None:
            return None
        return self._clients.setdefault(process.here, Client(transactional_id))

    def perform(self, process: "Process", request: r.Request, outcome: str) -> None:
        client = self.client(process)
        if client is None:
            self._world.answer(process, NOT_TRANSACTIONAL)
            return
        failure = client.refusal(_wish(request))
        if failure is not None:
            self._world.answer(process, failure)
        elif isinstance(request, r.BeginTransaction):
            client.state, client.written, client.undelivered = IN_TRANSACTION, False, 0
            self._world.answer(process, None)
        elif isinstance(request, r.InitTransactions):
            self._init(process, client, request)
        elif isinstance(request, r.SendOffsets):
            self._send_offsets(process, client, request, outcome)
        elif isinstance(request, r.EndTransaction):
            self._end(process, client, request, outcome)

    def _init(self, process: "Process", client: Client, request: r.InitTransactions) -> None:
        try:
            timeout_ms = process.spec.producer_config.transaction_timeout_ms
            client.epoch = self._coordinator.initialise(client.transactional_id, process.here, timeout_ms)
        except Refused as refused:
            self._refused(process, client, request, refused.code)
            return
        client.state = READY
        if self._world.trace is not None:
            self._world.trace.transaction(process, "takes over", client.transactional_id)
        self._world.answer(process, None)

    def _send_offsets(self, process: "Process", client: Client, request: r.SendOffsets, outcome: str) -> None:
        """AddOffsetsToTxn to the transaction's coordinator, then TxnOffsetCommit to the group's."""
        if not request.offsets:
            self._world.answer(process, None)
            return
        if outcome == "lose request":
            self._tell_offsets(process, request, outcome)
            self._world.answer(process, client.fails(NO_ANSWER_TO_OFFSETS), _patience(process, request))
            return
        try:
            self._coordinator.add(client.transactional_id, client.epoch)
        except Refused as refused:
            self._refused(process, client, request, refused.code)
            return
        client.written = True
        failure = self._refusal_of_group(request)
        if failure is not None:
            failure = client.fails(failure)
            if self._world.trace is not None:
                self._world.trace.transaction_refused(process, request, failure)
            self._world.answer(process, failure)
            return
        self._coordinator.add_offsets(client.transactional_id, request.group, request.offsets)
        self._tell_offsets(process, request, outcome)
        self._world.answer(process, None)

    def _refusal_of_group(self, request: r.SendOffsets) -> r.Failure | None:
        group = self._group(request.group)
        if not group.knows(request.offsets):
            return NO_SUCH_PARTITION
        joined = request.member or request.generation >= 0
        return group.refusal(request.member, request.generation, request.instance) if joined else None

    def _tell_offsets(self, process: "Process", request: r.SendOffsets, outcome: str) -> None:
        if self._world.trace is not None:
            places = ", ".join(f"offset {offset} of {topic}-{number}" for topic, number, offset in request.offsets)
            self._world.trace.transaction(process, "adds", f"{places} to its transaction", outcome)

    def _end(self, process: "Process", client: Client, request: r.EndTransaction, outcome: str) -> None:
        if client.state == IN_TRANSACTION and request.commits and client.undelivered:
            self._world.answer(process, client.fails(SOME_UNDELIVERED))
        elif not client.written:
            client.state = READY
            self._world.answer(process, None)
        else:
            client.state = COMMITTING if request.commits else ABORTING
            self._send_end(process, client, request, outcome)

    def _send_end(self, process: "Process", client: Client, request: r.EndTransaction, outcome: str) -> None:
        if outcome.endswith("request"):
            self._tell(process, request, outcome)
        else:
            try:
                self._coordinator.check_end(client.transactional_id, client.epoch, request.commits)
            except Refused as refused:
                self._refused(process, client, request, refused.code)
                return
            self._tell(process, request, outcome)
            moves = outcome == "move"
            epoch = self._coordinator.end(client.transactional_id, client.epoch, request.commits, moves)
            if outcome == "duplicate":
                self._coordinator.deliver_late(client.transactional_id, client.epoch, request.commits)
            if outcome in {"ok", "move", "duplicate"}:
                client.epoch, client.state, client.error = epoch, READY, None
                self._world.answer(process, None)
                return
        if outcome.startswith("lose"):
            self._world.answer(process, NO_ANSWER, _patience(process, request))
        else:
            self._world.broker.again(RESEND_MS, process, request)

    def _refused(self, process: "Process", client: Client, request: r.Request, code: int) -> None:
        if code == KafkaError.CONCURRENT_TRANSACTIONS:
            self._world.broker.again(RETRY_MS, process, request)
            return
        failure = client.refused(code)
        if self._world.trace is not None:
            self._world.trace.transaction_refused(process, request, failure)
        self._world.answer(process, failure)

    def _tell(self, process: "Process", request: r.EndTransaction, outcome: str) -> None:
        if self._world.trace is not None:
            self._world.trace.transaction(process, "commits" if request.commits else "aborts", outcome=outcome)

    # What a message in a transaction needs

    def busy(self, process: "Process") -> bool:
        """Whether the markers of this producer's last transaction are still to be written."""
        client = self.client(process)
        return client is not None and client.state != INIT and self._coordinator.busy(client.transactional_id)

    def joins(self, client: Client, partition: Partition) -> r.Failure | None:
        """Lets the transaction get to this partition; if it cannot, why."""
        if client.refusal("produce") is not None:
            return PRODUCER_HAS_FAILED if client.state == FATAL else NOT_NOW
        try:
            self._coordinator.add(client.transactional_id, client.epoch, partition)
        except Refused as refused:
            return client.refused(refused.code)
        client.written = True
        return None

    def has_written(self, process: "Process") -> None:
        """A record of the transaction stands in a log."""
        client = self.client(process)
        if client is not None:
            self._coordinator.arrive_late(client.transactional_id)

    def undelivered(self, process: "Process") -> None:
        """A message of the transaction will not get into a log."""
        client = self.client(process)
        if client is not None:
            client.undelivered += 1

    def fenced(self, process: "Process", code: int) -> r.Failure:
        """A partition has refused what the producer sent."""
        client = self.client(process)
        assert client is not None
        return client.refused(code)

    def crashed(self, process: "Process") -> None:
        self._clients.pop(process.here, None)

    def epoch_of(self, producer: Producer) -> int | None:
        """The last epoch of this producer: that of its transactional.id, or of its session, if it goes on."""
        if isinstance(producer, str):
            return self._coordinator.epoch_of(producer)
        return 0 if self._world.alive(*producer) else None

    def state(self) -> object:
        """What the clients of those who live remember; of epochs, only how old they are."""
        return tuple(
            (name, client.state, client.written, client.undelivered, client.error, self._age(client))
            for (name, _), client in self._clients.items()
        )

    def _age(self, client: Client) -> int:
        return 0 if client.epoch < 0 else self._coordinator.epoch_of(client.transactional_id) - client.epoch


def _wish(request: r.Request) -> str:
    match request:
        case r.InitTransactions():
            return "init"
        case r.BeginTransaction():
            return "begin"
        case r.EndTransaction(commits=commits):
            return "commit" if commits else "abort"
        case _:
            return "send offsets"


def _patience(process: "Process", request: r.SendOffsets | r.EndTransaction) -> int:
    """How long the call waits for an answer, in milliseconds."""
    timeout_ms = process.spec.producer_config.transaction_timeout_ms
    return timeout_ms if request.timeout_ms is None else request.timeout_ms
