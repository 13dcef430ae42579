"""Requests: what a process yields at an `await`; and replies: what it hears.

Rules
- A request is a frozen dataclass of plain data (None, bool, int, float, str, bytes, tuples of these), so it
  can cross a pipe, and real Kafka and PostgreSQL can be asked the same.
- `await Request(...)` hands the request to whoever drives the process, and gives the reply.
- A reply is plain data, a `Record`, `Rows`, or a `Failure` that the client turns into the library's exception;
  instead of it a consumer may be told of a `Rebalance`, or by a `Notice`.
- Units are in the names: `timeout_ms`. A `timeout_ms` of None waits for ever.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

type Plain = bool | int | float | str | bytes | tuple["Plain", ...] | None
type Acknowledgements = tuple[
    tuple[str, int, int, str], ...
]  # topic, partition, offset; accept, release or reject
type Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True)
class Request:
    """Base of all requests."""

    def __await__(self) -> Generator["Request", Any, Any]:
        return (yield self)


@dataclass(frozen=True)
class Sleep(Request):
    duration_ms: int


@dataclass(frozen=True)
class Send(Request):
    """Hands a payload to the network; the reply says nothing about its arrival."""

    to: str
    payload: Plain


@dataclass(frozen=True)
class Receive(Request):
    """Reply: (sender, payload), or None when the time is over."""

    timeout_ms: int | None


@dataclass(frozen=True)
class Ask(Request):
    """Calls a method of an object that the scenario supplies. Reply: what it returns, or a Failure."""

    of: str
    method: str
    arguments: tuple[Plain, ...]


@dataclass(frozen=True)
class Produce(Request):
    """Reply: a ticket (int) for `Delivery`. The client sends on its own from here on."""

    topic: str
    value: bytes | None
    key: bytes | None
    partition: int | None
    headers: Headers


@dataclass(frozen=True)
class Delivery(Request):
    """Reply, once the broker has acknowledged: the Record as it stands in the log."""

    ticket: int


@dataclass(frozen=True)
class Flush(Request):
    """Reply, once nothing is in flight: the number of messages still waiting (0)."""


@dataclass(frozen=True)
class InitTransactions(Request):
    """Takes over the producer's transactional.id. `timeout_ms` of None: the transaction's own."""

    timeout_ms: int | None


@dataclass(frozen=True)
class BeginTransaction(Request):
    """What is produced from now on belongs to one transaction."""


@dataclass(frozen=True)
class SendOffsets(Request):
    """Offsets as (topic, partition, next offset) that are to be committed with the transaction; and for whom.

    `generation` is -1 and `member` empty of a consumer that has not joined `group`.
    """

    offsets: tuple[tuple[str, int, int], ...]
    group: str
    generation: int
    member: str
    instance: str | None
    timeout_ms: int | None


@dataclass(frozen=True)
class EndTransaction(Request):
    """Commits the transaction or aborts it. `timeout_ms` of None: the transaction's own."""

    commits: bool
    timeout_ms: int | None


@dataclass(frozen=True)
class Poll(Request):
    """Reply: a Record, or None when the time is over; with `most`, a tuple of up to so many Records."""

    timeout_ms: int | None
    most: int | None = None


@dataclass(frozen=True)
class CommitOffsets(Request):
    """Offsets as (topic, partition, next offset); None commits the positions of all assigned partitions."""

    offsets: tuple[tuple[str, int, int], ...] | None


@dataclass(frozen=True)
class Seek(Request):
    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Committed(Request):
    """Reply: for each (topic, partition) the committed offset, or None."""

    partitions: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Watermarks(Request):
    """Reply: the first offset of a partition, and the end of its log as far as this consumer reads."""

    topic: str
    partition: int


@dataclass(frozen=True)
class Assignment(Request):
    """Reply: the (topic, partition) pairs that this consumer holds."""


@dataclass(frozen=True)
class Subscribe(Request):
    """Joins the group for these topics. `callbacks` are those that there are, of assign, revoke and lost."""

    topics: tuple[str, ...]
    callbacks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unsubscribe(Request):
    """Gives up all partitions and leaves the group, at the next poll."""


@dataclass(frozen=True)
class Close(Request):
    """Gives up all partitions, leaves the group and ends the consumer."""


@dataclass(frozen=True)
class Called(Request):
    """A callback is over. Reply: that of the request that it came in the midst of."""


@dataclass(frozen=True)
class Assign(Request):
    """What the consumer reads from now on; `how` is assign or unassign, or add or remove for a part of it."""

    how: str
    partitions: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Position(Request):
    """Reply: for each (topic, partition) the offset after the last record that poll gave, or None."""

    partitions: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class PausePartitions(Request):
    """Gives no records of these (topic, partition) any more; or, without `paused`, again."""

    partitions: tuple[tuple[str, int], ...]
    paused: bool


@dataclass(frozen=True)
class StoreOffsets(Request):
    """What the next commit without offsets, or by itself, is to commit."""

    offsets: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class GroupMetadata(Request):
    """Reply: the group, its generation, the member's id, and its group.instance.id or None."""


@dataclass(frozen=True)
class SharePoll(Request):
    """Reply: whether each has to be acknowledged, and a tuple of what was acquired, each `Delivered`.

    Acknowledgements of earlier ones travel with it.
    """

    timeout_ms: int | None
    topics: tuple[str, ...]
    acknowledgements: Acknowledgements


@dataclass(frozen=True)
class ShareCommit(Request):
    """Reply: (topic, partition, whether all that was acknowledged there was taken) for each partition."""

    acknowledgements: Acknowledgements


@dataclass(frozen=True)
class ShareClose(Request):
    """What was acquired and is not acknowledged is available again."""

    acknowledgements: Acknowledgements


@dataclass(frozen=True)
class Begin(Request):
    """Opens a transaction, or inside of one a savepoint."""


@dataclass(frozen=True)
class Execute(Request):
    """One SQL statement with `%s` placeholders. Reply: Rows."""

    sql: str
    parameters: tuple[Plain, ...]


@dataclass(frozen=True)
class Commit(Request):
    """Ends the innermost transaction or savepoint; its effects stay."""


@dataclass(frozen=True)
class Rollback(Request):
    """Ends the innermost transaction or savepoint; its effects are gone."""


@dataclass(frozen=True)
class Record:
    """One message of a log."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True)
class Delivered:
    """A record that a share consumer has acquired, and how often it was handed out by now."""

    record: Record
    count: int


@dataclass(frozen=True)
class Rebalance:
    """A callback that the consumer has to run, of assign, revoke and lost; then it says that it has: `Called`."""

    kind: str
    partitions: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Notice:
    """What poll gives instead of a record: the error of a consumer that can no longer read as it did."""

    code: int
    reason: str


@dataclass(frozen=True)
class Rows:
    """What a statement gave: `rowcount` rows changed or found; `columns` is None if it gives no rows."""

    rowcount: int
    columns: tuple[str, ...] | None
    rows: tuple[tuple[Plain, ...], ...]


@dataclass(frozen=True)
class Failure:
    """An exception of a client library: its class's name there, and what it is made with."""

    error: str
    arguments: tuple[Plain, ...]


LOCAL: frozenset[type[Request]] = frozenset(
    {BeginTransaction, Called}
)  # asks only the client library: nothing befalls it
