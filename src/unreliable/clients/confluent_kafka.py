"""`confluent_kafka` and `confluent_kafka.aio`: consumer and producer of the Python client for Kafka.

Names, arguments and error codes: https://docs.confluent.io/platform/current/clients/confluent-kafka-python/html/
"""

import builtins
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from unreliable.requests import (
    Assignment,
    BeginTransaction,
    CommitOffsets,
    Committed,
    Delivery,
    EndTransaction,
    Failure,
    Flush,
    Headers,
    InitTransactions,
    Plain,
    Poll,
    Produce,
    Record,
    Request,
    Seek,
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
    """A message as it came out of a log."""

    __slots__ = ("_record",)

    def __init__(self, record: Record) -> None:
        self._record = record

    def topic(self) -> str:
        return self._record.topic

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
        return None

    def __len__(self) -> int:
        return len(self._record.value or b"")


class AIOConsumer:
    """A consumer that is subscribed already; its partitions are those of its group's assignment."""

    async def poll(self, timeout: float | None = -1) -> Message | None:
        """The next message, or None after `timeout` seconds; None or a negative number waits for ever."""
        record = await _ask(Poll(_milliseconds(timeout)))
        return None if record is None else Message(record)

    async def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Message]:
        """Up to `num_messages`: waits `timeout` seconds for the first, then takes what is there."""
        return [Message(record) for record in await _ask(Poll(_milliseconds(timeout), num_messages))]

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
        reply = await CommitOffsets(_offsets(message, offsets))
        if asynchronous:
            return None
        return [TopicPartition(*committed) for committed in _settle(reply)]

    async def seek(self, partition: TopicPartition) -> None:
        """Sets the position of an assigned partition; the next poll reads from there."""
        await _ask(Seek(*_place(partition)))

    async def committed(self, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        offsets = await _ask(Committed(tuple(_place(partition)[:2] for partition in partitions)))
        return [
            TopicPartition(tp.topic, tp.partition, OFFSET_INVALID if offset is None else offset)
            for tp, offset in zip(partitions, offsets, strict=True)
        ]

    async def assignment(self) -> list[TopicPartition]:
        return [TopicPartition(topic, partition) for topic, partition in await _ask(Assignment())]


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
        headers: Sequence[tuple[str, bytes | None]] | Mapping[str, bytes | None] | None = None,
    ) -> DeliveryReport:
        """Enqueues a message. `await` what it returns to know that the broker has it, or why it does not."""
        partition = None if partition in {None, -1} else _typed(partition, int)
        request = Produce(_typed(topic, str), _bytes(value), _bytes(key), partition, _headers(headers or ()))
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
        message = _typed(message, Message)
        return ((message.topic(), message.partition(), message.offset() + 1),)
    if offsets is None:
        return None
    return tuple(place for place in map(_place, offsets) if place[2] >= 0)


def _place(partition: TopicPartition) -> tuple[str, int, int]:
    partition = _typed(partition, TopicPartition)
    return _typed(partition.topic, str), _typed(partition.partition, int), _typed(partition.offset, int)


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


def _headers(headers: Sequence[tuple[str, bytes | None]] | Mapping[str, bytes | None]) -> Headers:
    items = headers.items() if isinstance(headers, Mapping) else headers
    return tuple((_typed(name, str), _bytes(value)) for name, value in items)
