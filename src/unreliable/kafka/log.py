"""The log of one partition: records in the order in which the broker took them.

Rules, and where Apache Kafka defines them
- A record's offset is its place in the log and never changes (LogAppendInfo, UnifiedLog.append).
- There is one replica: what is appended may be read at once, so the high watermark is the end of the log.

Left out here: replication, batches of more than one record, transactions, isolation.
"""

from collections.abc import Iterator

from unreliable.requests import Produce, Record

type Partition = tuple[str, int]


class Log:
    """`log[offset]` is a record; iterating gives all of them in their order."""

    __slots__ = ("_records", "partition")

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self._records: list[Record] = []

    def append(self, request: Produce) -> Record:
        record = Record(*self.partition, self.end, request.key, request.value, request.headers)
        self._records.append(record)
        return record

    @property
    def end(self) -> int:
        """The offset that the next record will have."""
        return len(self._records)

    def read(self, position: int, most: int) -> tuple[list[Record], int]:
        """Up to `most` records from this position on, and the position after them.

        A position that the log has not reached is out of range: reading starts at the beginning
        (`auto.offset.reset=earliest`).
        """
        start = position if position <= self.end else 0
        found = self._records[start : start + most]
        return found, start + len(found) if found else position

    def state(self) -> tuple[Record, ...]:
        """All that later reading depends on."""
        return tuple(self._records)

    def __getitem__(self, offset: int) -> Record:
        return self._records[offset]

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    def __repr__(self) -> str:
        return repr(self._records)
