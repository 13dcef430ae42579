"""The log of one partition: records in the order in which the broker took them, and how their transactions ended.

Rules, and where Apache Kafka defines them (KIP-98; the numbers are those of the tests)
- A record's offset is its place in the log and never changes (LogAppendInfo, UnifiedLog.append).
- There is one replica: what is appended may be read at once, so the high watermark is the end of the log.
- A batch that a producer sends again is found, not appended (`producer_state.py`).
- 19. A transaction ends in a partition with a marker, a control record (ControlRecordType): it takes an offset,
  and no reader is given it. The marker's epoch fences the producer's older ones.
- 17. The last stable offset is that of the first record whose transaction is not decided; the end, if there is
  none (ProducerStateManager.firstUndecidedOffset). A read_committed reader stops there.
- 18. So a record behind an open transaction waits with it, even if it belongs to none.
- An aborted transaction stands in an index: producer, first offset, marker's offset (AbortedTxn). By it a
  read_committed reader leaves out that producer's records between the two. A read_uncommitted reader gets them.

A batch has one record here. Left out: replication, and retention: nothing is ever deleted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

from unreliable.kafka.producer_state import ProducerState, Stamp, known, next_stamp
from unreliable.requests import Produce, Record

type Partition = tuple[str, int]
type Producer = str | tuple[str, int]  # its transactional.id; or without one, the life that is its session


@dataclass(frozen=True, slots=True)
class Marker:
    """The end of a producer's transaction in this partition."""

    offset: int
    producer: Producer
    commits: bool


@dataclass(frozen=True, slots=True)
class Aborted:
    """An entry of the index of aborted transactions: `last` is the offset of the marker."""

    producer: Producer
    first: int
    last: int


class Log:
    """Iterating gives the records in their order, whatever became of their transactions, without the markers."""

    __slots__ = ("_entries", "_open", "_producers", "_transactional", "_writers", "aborted", "partition")

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self.aborted: list[Aborted] = []
        self._entries: list[Record | Marker] = []
        self._producers: dict[Producer, ProducerState] = {}
        self._writers: dict[int, Producer] = {}  # of the records that belong to transactions
        self._open: dict[Producer, int] = {}  # the first offset of each transaction that is not decided
        self._transactional = False  # whether any transaction has got here

    @property
    def end(self) -> int:
        """The offset that the next record will have."""
        return len(self._entries)

    @property
    def stable(self) -> int:
        """The last stable offset."""
        return min(self._open.values()) if self._open else self.end

    def append(self, request: Produce) -> Record:
        record = Record(*self.partition, self.end, request.key, request.value, request.headers)
        self._entries.append(record)
        return record

    def append_once(self, request: Produce, producer: Producer, stamp: Stamp, transactional: bool) -> Record:
        """Appends what the producer sends, or finds it where it stands already. Raises Refused."""
        state = self._producers.get(producer)
        offset = known(state, stamp)
        if offset is not None:
            found = self._entries[offset]
            assert isinstance(found, Record)
            return found
        record = self.append(request)
        self._producers[producer] = (state or ProducerState(stamp.epoch)).after(stamp, record.offset)
        if transactional:
            self._transactional = True
            self._writers[record.offset] = producer
            self._open.setdefault(producer, record.offset)
        return record

    def next_stamp(self, producer: Producer, epoch: int) -> Stamp:
        """What the producer, which counts what it has sent here, writes on its next batch."""
        return next_stamp(self._producers.get(producer), epoch)

    def mark(self, producer: Producer, epoch: int, commits: bool) -> Marker:
        """The coordinator writes how the producer's transaction has ended."""
        marker = Marker(self.end, producer, commits)
        self._transactional = True
        self._entries.append(marker)
        first = self._open.pop(producer, None)
        if first is not None and not commits:
            self.aborted.append(Aborted(producer, first, marker.offset))
        state = self._producers.get(producer) or ProducerState(epoch)
        self._producers[producer] = state.marked(epoch)
        return marker

    def read(self, position: int, most: int, committed: bool = True) -> tuple[list[Record], int]:
        """Up to `most` records from this position on, and the position after them.

        `committed` is `isolation.level`. A position that the log has not reached is out of range: reading starts
        at the beginning (`auto.offset.reset=earliest`).
        """
        start = position if position <= len(self._entries) else 0
        if not self._transactional:
            plain = cast("list[Record]", self._entries[start : start + most])
            return plain, start + len(plain) if plain else position
        limit = self.stable if committed else self.end
        found: list[Record] = []
        for entry in self._entries[start:limit]:
            if len(found) == most:
                break
            if isinstance(entry, Record) and not (committed and self._aborted(entry.offset)):
                found.append(entry)
        return found, found[-1].offset + 1 if found else position

    def committed(self) -> list[Record]:
        """What a read_committed reader is given, from the start to the last stable offset."""
        return self.read(0, self.end)[0]

    def unread(self, position: int) -> int:
        """How many records there are from this position on, without those that nobody will be given."""
        if not self._transactional:
            return max(0, len(self._entries) - position)
        records = (entry for entry in self._entries[position:] if isinstance(entry, Record))
        return sum(not self._aborted(record.offset) for record in records)

    def _aborted(self, offset: int) -> bool:
        writer = self._writers.get(offset)
        return writer is not None and any(
            entry.producer == writer and entry.first <= offset < entry.last for entry in self.aborted
        )

    def state(self, epoch_of: Callable[[Producer], int | None]) -> object:
        """All that later reading and writing depends on.

        `epoch_of` tells the last epoch of a producer, from which epochs are counted here; None: it is no more.
        """
        if not self._producers:
            return tuple(self._entries)
        epochs = ((producer, state, epoch_of(producer)) for producer, state in self._producers.items())
        producers = tuple(
            (who if isinstance(who, str) else who[0], state.since(epoch))
            for who, state, epoch in epochs
            if epoch is not None
        )
        return tuple(self._entries), tuple(self._writers.items()), tuple(self._open.items()), producers

    def __iter__(self) -> Iterator[Record]:
        return (entry for entry in self._entries if isinstance(entry, Record))

    def __repr__(self) -> str:
        return repr(self._entries)
