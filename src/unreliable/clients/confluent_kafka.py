"""`confluent_kafka` and `confluent_kafka.aio`: consumer and producer of the Python client for Kafka.

Names, arguments and error codes: https://docs.confluent.io/platform/current/clients/confluent-kafka-python/html/
"""

import builtins
from collections.abc import Callable, Coroutine, Generator, Sequence
from enum import IntEnum
from typing import Any

from unreliable.requests import (
    Assign,
    Assignment,
    BeginTransaction,
    Called,
    Close,
    CommitOffsets,
    Committed,
    Delivered,
    Delivery,
    EndTransaction,
    Failure,
    Flush,
    GroupMetadata,
    InitTransactions,
    Notice,
    PausePartitions,
    Plain,
    Poll,
    Position,
    Produce,
    Rebalance,
    Record,
    Request,
    Seek,
    SendOffsets,
    ShareClose,
    ShareCommit,
    SharePoll,
    StoreOffsets,
    Subscribe,
    Unsubscribe,
    Watermarks,
)

OFFSET_INVALID = -1001  # librdkafka's "no offset": what committed() gives for a partition without a commit
OFFSET_BEGINNING = -2
OFFSET_END = -1

MSG_TIMED_OUT = -192  # librdkafka's own errors are negative
UNKNOWN_PARTITION = -190
UNKNOWN_TOPIC = -188
INVALID_ARGUMENT = -186
TIMED_OUT_LOCALLY = -185
CONFLICT = -173
ERRONEOUS_STATE = -172
NO_OFFSET = -168
FATAL = -150
INCONSISTENT = -149
NOT_CONFIGURED = -145
FENCED_LOCALLY = -144
MAX_POLL_EXCEEDED = -147
AUTO_OFFSET_RESET = -140

type Callback = Callable[["AIOConsumer", list["TopicPartition"]], Coroutine[Request, Any, Any]]


class KafkaError:
    """What went wrong, by Kafka's code (client-side codes are negative)."""

    UNKNOWN_TOPIC_OR_PART = 3
    REQUEST_TIMED_OUT = 7
    MSG_SIZE_TOO_LARGE = 10
    ILLEGAL_GENERATION = 22
    UNKNOWN_MEMBER_ID = 25
    REBALANCE_IN_PROGRESS = 27
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45
    INVALID_PRODUCER_EPOCH = 47
    INVALID_TXN_STATE = 48
    INVALID_PRODUCER_ID_MAPPING = 49
    INVALID_TRANSACTION_TIMEOUT = 50
    CONCURRENT_TRANSACTIONS = 51
    PRODUCER_FENCED = 90
    FENCED_INSTANCE_ID = 82
    FENCED_MEMBER_EPOCH = 110
    UNRELEASED_INSTANCE_ID = 111
    STALE_MEMBER_EPOCH = 113
    INVALID_RECORD_STATE = 121
    _MSG_TIMED_OUT = MSG_TIMED_OUT
    _UNKNOWN_PARTITION = UNKNOWN_PARTITION
    _UNKNOWN_TOPIC = UNKNOWN_TOPIC
    _INVALID_ARG = INVALID_ARGUMENT
    _STATE = ERRONEOUS_STATE
    _TIMED_OUT = TIMED_OUT_LOCALLY
    _CONFLICT = CONFLICT
    _NO_OFFSET = NO_OFFSET
    _FATAL = FATAL
    _INCONSISTENT = INCONSISTENT
    _NOT_CONFIGURED = NOT_CONFIGURED
    _FENCED = FENCED_LOCALLY
    _MAX_POLL_EXCEEDED = MAX_POLL_EXCEEDED
    _AUTO_OFFSET_RESET = AUTO_OFFSET_RESET

    def __init__(
        self,
        error: int,
        reason: str | None = None,
        fatal: bool = False,
        retriable: bool = False,
        txn_requires_abort: bool = False,
    ) -> None:
        self._code = error
        self._reason = reason or self.name()
        self._fatal = fatal
        self._retriable = retriable
        self._txn_requires_abort = txn_requires_abort

    def code(self) -> int:
        return self._code

    def name(self) -> builtins.str:
        return _NAMES.get(self._code, f"ERR_{self._code}")

    def str(self) -> builtins.str:
        return self._reason

    def retriable(self) -> bool:
        """Whether what was asked for may be asked for again. Only a transactional producer's errors say so."""
        return self._retriable

    def fatal(self) -> bool:
        """Whether the producer can do nothing any more."""
        return self._fatal

    def txn_requires_abort(self) -> bool:
        """Whether the transaction has to be aborted."""
        return self._txn_requires_abort

    def __repr__(self) -> builtins.str:
        return f'KafkaError{{code={self.name()},val={self._code},str="{self._reason}"}}'

    def __eq__(self, other: object) -> bool:
        return self._code == (other._code if isinstance(other, KafkaError) else other)

    def __hash__(self) -> int:
        return hash(self._code)


_NAMES = {value: name for name, value in vars(KafkaError).items() if isinstance(value, int)}


class KafkaException(Exception):
    """Raised by consumer and producer; `args[0]` is the KafkaError."""


class TopicPartition:
    def __init__(self, topic: str, partition: int = -1, offset: int = OFFSET_INVALID) -> None:
        self.topic = _typed(topic, str)
        self.partition = _typed(partition, int)
        self.offset = _typed(offset, int)
        self.error: KafkaError | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TopicPartition) and (self.topic, self.partition) == (
            other.topic,
            other.partition,
        )

    def __hash__(self) -> int:
        return hash((self.topic, self.partition))

    def __repr__(self) -> str:
        return f"TopicPartition{{topic={self.topic},partition={self.partition},offset={self.offset}}}"


class Message:
    """A message as it came out of a log; or an error that poll tells of, which `error` and `value` say."""

    __slots__ = ("_error", "_record")

    def __init__(self, record: Record | Notice) -> None:
        if isinstance(record, Notice):
            self._error: KafkaError | None = KafkaError(record.code, record.reason)
            self._record = Record("", -1, OFFSET_INVALID, None, record.reason.encode())
        else:
            self._error = None
            self._record = record

    def topic(self) -> str | None:
        return self._record.topic or None

    def partition(self) -> int:
        return self._record.partition

    def offset(self) -> int:
        return self._record.offset

    def key(self) -> bytes | None:
        return self._record.key

    def value(self) -> bytes | None:
        return self._record.value

    def headers(self) -> list[tuple[str, bytes | None]] | None:
        return list(self._record.headers) or None

    def error(self) -> KafkaError | None:
        return self._error

    def __len__(self) -> int:
        return len(self._record.value or b"")


class AIOConsumer:
    """A consumer that reads the topics of its scenario, unless it subscribes or is assigned partitions by hand."""

    def __init__(self) -> None:
        self._callbacks: dict[str, Callback] = {}
        self._closed = False

    async def subscribe(
        self,
        topics: Sequence[str],
        on_assign: Callback | None = None,
        on_revoke: Callback | None = None,
        on_lost: Callback | None = None,
    ) -> None:
        """Joins the group. The callbacks are run inside of poll, and of close.

        on_assign comes before the partitions are read, and may `assign` them with other offsets; on_revoke while
        they are still the consumer's, so that it may commit; on_lost (left out: on_revoke) when another may have
        them already.
        """
        found = {"assign": on_assign, "revoke": on_revoke, "lost": on_lost or on_revoke}
        self._callbacks = {kind: callback for kind, callback in found.items() if callback is not None}
        names = tuple(_typed(topic, str) for topic in topics)
        await self._ask(Subscribe(names, tuple(self._callbacks)))

    async def unsubscribe(self) -> None:
        """Gives up all partitions and leaves the group: at the next poll, which runs on_revoke."""
        await self._ask(Unsubscribe())

    async def close(self) -> None:
        """Gives up all partitions and leaves the group; a static member stays in it until its session is over."""
        await self._ask(Close())
        self._closed = True

    async def __aenter__(self) -> "AIOConsumer":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def poll(self, timeout: float | None = -1) -> Message | None:
        """The next message, or None after `timeout` seconds; None or a negative number waits for ever."""
        record = await self._ask(Poll(_milliseconds(timeout)))
        return None if record is None else Message(record)

    async def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Message]:
        """Up to `num_messages`: waits `timeout` seconds for the first, then takes what is there."""
        return [Message(record) for record in await self._ask(Poll(_milliseconds(timeout), num_messages))]

    async def commit(
        self,
        message: Message | None = None,
        offsets: Sequence[TopicPartition] | None = None,
        asynchronous: bool = True,
    ) -> list[TopicPartition] | None:
        """Commits the offset after `message`, or `offsets`, or all positions.

        Synchronous commits wait for the broker and raise KafkaException; asynchronous ones return at once
        and tell nobody (here: they are sent at once, and their failure is not heard).
        """
        self._stays_open()
        reply = await CommitOffsets(_offsets(message, offsets))
        if asynchronous:
            return None
        return [TopicPartition(*committed) for committed in _settle(reply)]

    async def seek(self, partition: TopicPartition) -> None:
        """Sets the position of an assigned partition; the next poll reads from there."""
        await self._ask(Seek(*_place(partition)))

    async def position(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        """The offset after the last message that poll gave; OFFSET_INVALID where it gave none."""
        return self._with_offsets(partitions, await self._ask(Position(_places(partitions))))

    async def pause(self, partitions: Sequence[TopicPartition]) -> None:
        """Gives no messages of these partitions until they are resumed, or assigned anew."""
        await self._ask(PausePartitions(_places(partitions), True))

    async def resume(self, partitions: Sequence[TopicPartition]) -> None:
        """Gives messages of these partitions again."""
        await self._ask(PausePartitions(_places(partitions), False))

    async def store_offsets(
        self, message: Message | None = None, offsets: Sequence[TopicPartition] | None = None
    ) -> None:
        """What is to be committed next, with enable.auto.offset.store=false; by itself, or by `commit()`."""
        await self._ask(StoreOffsets(_offsets(message, offsets) or ()))

    async def committed(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        return self._with_offsets(partitions, await self._ask(Committed(_places(partitions))))

    async def get_watermark_offsets(
        self, partition: TopicPartition, timeout: float = -1, cached: bool = False
    ) -> tuple[int, int]:
        """The first offset of a partition, and the offset after its last record that may be read."""
        low, high = await self._ask(Watermarks(*_place(partition)[:2]))
        return low, high

    async def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(topic, partition) for topic, partition in await self._ask(Assignment())]

    async def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Reads these partitions and no others; one without an offset from where the group has committed."""
        await self._ask(Assign("assign", tuple(map(_place, partitions))))

    async def unassign(self) -> None:
        """Reads nothing any more."""
        await self._ask(Assign("unassign", ()))

    async def incremental_assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Reads these partitions too: for on_assign under the cooperative protocol."""
        await self._ask(Assign("add", tuple(map(_place, partitions))))

    async def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None:
        """Reads these partitions no more: for on_revoke under the cooperative protocol."""
        await self._ask(Assign("remove", tuple(map(_place, partitions))))

    async def consumer_group_metadata(self) -> "ConsumerGroupMetadata":
        """What a transaction has to know of this member: `send_offsets_to_transaction`."""
        return ConsumerGroupMetadata(*await self._ask(GroupMetadata()))

    def _with_offsets(self, partitions: Sequence[TopicPartition], offsets: Any) -> list[TopicPartition]:
        return [
            TopicPartition(tp.topic, tp.partition, OFFSET_INVALID if offset is None else offset)
            for tp, offset in zip(partitions, offsets, strict=True)
        ]

    async def _ask(self, request: Request) -> Any:
        """The reply, once the callbacks that come before it have been run."""
        self._stays_open()
        reply = await request
        while type(reply) is Rebalance:
            await self._call(reply)
            reply = await Called()
        return _settle(reply)

    async def _call(self, rebalance: Rebalance) -> None:
        callback = self._callbacks.get(rebalance.kind)
        if callback is not None:
            await callback(self, [TopicPartition(*partition) for partition in rebalance.partitions])

    def _stays_open(self) -> None:
        if self._closed:
            raise RuntimeError("Consumer closed")


class AcknowledgeType(IntEnum):
    """What becomes of a record that a share consumer has acquired."""

    ACCEPT = 1
    RELEASE = 2
    REJECT = 3


class IllegalStateException(KafkaException):
    """Raised by a share consumer that is asked for what it cannot do now."""


class ShareConsumer:
    """A consumer of a share group, which has the topics of its scenario unless it subscribes.

    The library's has no asyncio interface yet: what waits in it is awaited here.
    """

    def __init__(self) -> None:
        self._explicit = False  # share.acknowledgement.mode, which comes with each poll
        self._topics: tuple[str, ...] = ()
        self._given: dict[tuple[str, int, int], str | None] = {}  # of the last poll, with what is to become of it
        self._closed = False

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Reads these topics from the next poll on."""
        self._topics = tuple(_typed(topic, str) for topic in topics)

    async def poll(self, timeout: float = -1) -> "list[ShareMessage]":
        """All that is available, locked; empty after `timeout` seconds. Sends the acknowledgements.

        Raises IllegalStateException if, in explicit mode, something of the last poll was not acknowledged.
        """
        self._stays_open()
        missing = sum(kind is None for kind in self._given.values())
        if self._explicit and missing:
            raise IllegalStateException(f"{missing} records from previous poll have not been acknowledged")
        request = SharePoll(_milliseconds(timeout), self._topics, self._acknowledgements())
        self._explicit, given = await request
        messages = [ShareMessage(delivered) for delivered in given]
        self._given = {message.place: None for message in messages}
        return messages

    def acknowledge(self, message: "ShareMessage", ack_type: int = AcknowledgeType.ACCEPT) -> None:
        """Notes what is to become of a message of the last poll; the next poll or commit says so."""
        self._stays_open()
        place = _typed(message, ShareMessage).place
        if not self._explicit or place not in self._given:
            raise IllegalStateException("Failed to acknowledge message: Local: Erroneous state")
        self._given[place] = AcknowledgeType(ack_type).name.lower()

    async def commit_sync(self, timeout: float = 60) -> "dict[TopicPartition, KafkaException | None]":
        """Sends the acknowledgements. What was not taken (another has it now) has an exception: 121."""
        self._stays_open()
        reply = await ShareCommit(self._acknowledgements())
        refused = KafkaError(KafkaError.INVALID_RECORD_STATE, "Broker: The record state is invalid")
        return {
            TopicPartition(topic, number): None if taken else KafkaException(refused)
            for topic, number, taken in reply
        }

    async def commit_async(self) -> None:
        """Sends the acknowledgements, and does not tell what became of them."""
        await self.commit_sync()

    async def close(self) -> None:
        """Sends the acknowledgements; what has none is available again."""
        self._stays_open()
        self._closed = True
        await ShareClose(self._acknowledgements() if self._explicit else ())

    def _acknowledgements(self) -> tuple[tuple[str, int, int, str], ...]:
        """What is to be said of the last poll's messages; implicitly all are accepted."""
        kinds = {place: kind if self._explicit else "accept" for place, kind in self._given.items()}
        said = tuple((*place, kind) for place, kind in kinds.items() if kind is not None)
        for topic, partition, offset, _ in said:
            del self._given[topic, partition, offset]
        return said

    def _stays_open(self) -> None:
        if self._closed:
            raise IllegalStateException("Share consumer closed")


class ShareMessage(Message):
    """A message that a share consumer has acquired."""

    __slots__ = ("_count",)

    def __init__(self, delivered: Delivered) -> None:
        super().__init__(delivered.record)
        self._count = delivered.count

    def delivery_count(self) -> int:
        """How often it was handed out, this time included."""
        return self._count

    @property
    def place(self) -> tuple[str, int, int]:
        return self._record.topic, self._record.partition, self._record.offset


class ConsumerGroupMetadata:
    """A member of a group at one time, opaque to the application."""

    def __init__(self, group: str, generation: int, member: str, instance: str | None) -> None:
        self.parts = (group, generation, member, instance)


class DeliveryReport:
    """What `produce` returns: awaiting it waits for the broker's acknowledgement."""

    def __init__(self, ticket: int) -> None:
        self._ticket = ticket

    def __await__(self) -> Generator[Request, Any, Message]:
        return self._wait().__await__()

    async def _wait(self) -> Message:
        return Message(await _ask(Delivery(self._ticket)))


class AIOProducer:
    """A producer that resends after a lost acknowledgement; without idempotence, librdkafka's default, unless the
    scenario asks for it; with transactions, if it names a transactional.id."""

    async def produce(
        self,
        topic: str,
        value: bytes | str | None = None,
        key: bytes | str | None = None,
        *,
        partition: int | None = None,
        headers: object = ...,
    ) -> DeliveryReport:
        """Enqueues a message. `await` what it returns to know that the broker has it, or why it does not.

        Raises NotImplementedError for headers, as the real one does: its batches cannot carry them.
        """
        if headers is not ...:
            raise NotImplementedError("Headers are not supported in AIOProducer batch mode.")
        partition = None if partition in {None, -1} else _typed(partition, int)
        request = Produce(_typed(topic, str), _bytes(value), _bytes(key), partition, ())
        return DeliveryReport(await _ask(request))

    async def flush(self, timeout: float = -1) -> int:
        """Waits until every message is acknowledged or has failed; what failed is not told here."""
        return await _ask(Flush())

    async def init_transactions(self, timeout: float = -1) -> None:
        """Takes over the transactional.id: who had it is fenced, and what it had begun is aborted."""
        await _ask(InitTransactions(_milliseconds(timeout)))

    async def begin_transaction(self) -> None:
        """What is produced from now on belongs to one transaction. Nobody is asked for it."""
        await _ask(BeginTransaction())

    async def send_offsets_to_transaction(
        self, positions: Sequence[TopicPartition], group_metadata: ConsumerGroupMetadata, timeout: float = -1
    ) -> None:
        """Lets these offsets be committed with the transaction, for the consumer that the metadata is of.

        If the error's `txn_requires_abort`, another has taken its partitions over, or there was no answer in time.
        """
        offsets = tuple(place for place in map(_place, positions) if place[2] >= 0)
        metadata = _typed(group_metadata, ConsumerGroupMetadata).parts
        await _ask(SendOffsets(offsets, *metadata, _milliseconds(timeout)))

    async def commit_transaction(self, timeout: float = -1) -> None:
        """Ends the transaction: all of it is to be read. If the answer is late it is _TIMED_OUT and retriable."""
        await _ask(EndTransaction(commits=True, timeout_ms=_milliseconds(timeout)))

    async def abort_transaction(self, timeout: float = -1) -> None:
        """Ends the transaction: nothing of it is to be read, and its offsets are not committed."""
        await _ask(EndTransaction(commits=False, timeout_ms=_milliseconds(timeout)))


async def _ask(request: Request) -> Any:
    return _settle(await request)


def _settle(reply: Any) -> Any:
    if type(reply) is Failure:
        raise failed(reply)
    return reply


def failed(failure: Failure) -> Exception:
    """The exception that a failure of the broker becomes in the learner's code."""
    code, reason, *kind = failure.arguments
    assert isinstance(code, int)
    assert isinstance(reason, str)
    return KafkaException(KafkaError(code, reason, kind == ["fatal"], kind == ["retriable"], kind == ["abort"]))


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None or seconds < 0 else round(seconds * 1000)


def _offsets(
    message: Message | None, offsets: Sequence[TopicPartition] | None
) -> tuple[tuple[str, int, int], ...] | None:
    """What a commit is asked to commit, as librdkafka takes it: logical offsets are left out."""
    if message is not None and offsets is not None:
        raise ValueError("message and offsets are mutually exclusive")
    if message is not None:
        topic = _typed(message, Message).topic()
        if topic is None:
            raise KafkaException(KafkaError(INVALID_ARGUMENT, "Local: Invalid argument or configuration"))
        return ((topic, message.partition(), message.offset() + 1),)
    if offsets is None:
        return None
    return tuple(place for place in map(_place, offsets) if place[2] >= 0)


def _place(partition: TopicPartition) -> tuple[str, int, int]:
    partition = _typed(partition, TopicPartition)
    return _typed(partition.topic, str), _typed(partition.partition, int), _typed(partition.offset, int)


def _places(partitions: Sequence[TopicPartition]) -> tuple[tuple[str, int], ...]:
    return tuple(_place(partition)[:2] for partition in partitions)


def _typed[T](value: Any, kind: type[T]) -> T:
    """The value, which learners may have mistaken for another; nothing but `kind` gets into the world."""
    if type(value) is not kind:
        raise TypeError(f"expected {kind.__name__}, not {type(value).__name__}")
    return value


def _bytes(data: Plain) -> bytes | None:
    if isinstance(data, str):
        return str.encode(data)
    if data is None or isinstance(data, bytes):
        return data if data is None else bytes(data)
    raise TypeError(f"a bytes-like object is required, not '{type(data).__name__}'")
