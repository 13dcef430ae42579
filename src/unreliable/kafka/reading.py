"""What a consumer reads: its partitions, and where it is in each.

Rules, and where they are defined (librdkafka: rdkafka_partition.c, rdkafka_offset.c)
- A partition is read from the committed offset, that of the next record. Without one, or with one that its log has
  not reached, `auto.offset.reset` decides.
- As long as a transaction is about to commit an offset, the partition is not read from there (`offsets.py`).
- A partition that the application has paused keeps its position, and gives nothing.
- A commit without arguments is of what was read since the last (librdkafka: _NO_OFFSET if that is nothing).
- Whoever gives a partition up forgets all of it.
"""

from collections.abc import Callable, Iterable
from typing import Any

from unreliable import requests as r
from unreliable.clients.confluent_kafka import AUTO_OFFSET_RESET, OFFSET_BEGINNING, OFFSET_END, OFFSET_INVALID
from unreliable.kafka.consumer_config import ConsumerConfig
from unreliable.kafka.groups import AnyGroup
from unreliable.kafka.log import Log, Partition

NOT_STABLE = -1000  # a position that waits for a committed offset (librdkafka: OFFSET_STORED)

type Offsets = tuple[tuple[str, int, int], ...]


class Reading:
    """The positions of one consumer. `tell` hears of what the next poll has to give instead of a record."""

    def __init__(
        self,
        logs: dict[Partition, Log],
        group: AnyGroup,
        config: ConsumerConfig,
        tell: Callable[[r.Notice], None],
    ) -> None:
        self.positions: dict[Partition, int] = {}  # of the partitions that it reads
        self.given: dict[Partition, int] = {}  # the offset after what poll gave
        self.stored: dict[Partition, int] = {}  # what a commit without arguments is of
        self._held: set[Partition] = set()  # partitions that the application has paused
        self._logs = logs
        self._group = group
        self._config = config
        self._committed_only = config.isolation_level == "read_committed"
        self._tell = tell

    def take(self, places: Iterable[tuple[str, int, int | None]]) -> None:
        """Reads these partitions from the given offsets, or where the group has committed."""
        for topic, number, offset in places:
            self.positions[topic, number] = self._resolved((topic, number), offset)

    def drop(self, partitions: Iterable[Partition]) -> None:
        for partition in partitions:
            self.positions.pop(partition, None)
            self.given.pop(partition, None)
            self.stored.pop(partition, None)
            self._held.discard(partition)

    def hold(self, partitions: Iterable[Partition], paused: bool) -> None:
        """Pauses partitions, or lets them go on; those that it does not read are none of its business."""
        mine = {partition for partition in partitions if partition in self.positions}
        self._held = self._held | mine if paused else self._held - mine

    def seek(self, partition: Partition, offset: int) -> None:
        self.positions[partition] = self._resolved(partition, offset)
        self.given.pop(partition, None)

    def ready(self, most: int) -> int:
        """How many records could be given now, counted up to `most`."""
        count = 0
        for partition, known in self.positions.items():
            position = self._resolved(partition, None) if known == NOT_STABLE else known
            if count < most and position != NOT_STABLE and partition not in self._held:
                found, _ = self._logs[partition].read(position, most - count, self._committed_only)
                count += len(found)
        return count

    def next(self, most: int) -> tuple[list[r.Record], list[tuple[Partition, int]]]:
        """The next records, `most` at the most, and for each partition that gave some the offset after them."""
        records: list[r.Record] = []
        ends: list[tuple[Partition, int]] = []
        for partition, known in self.positions.items():
            position = self._resolved(partition, None) if known == NOT_STABLE else known
            if position == NOT_STABLE or partition in self._held:
                continue
            found, after = self._logs[partition].read(position, most - len(records), self._committed_only)
            self.positions[partition] = position
            if found:
                self.positions[partition] = self.given[partition] = after
                ends.append((partition, after))
                records += found
                if len(records) == most:
                    break
        return records, ends

    def to_commit(self) -> Offsets:
        """The position of each partition; no offset where there is nothing to commit."""
        committed = self._group.committed
        stored = ((partition, self.stored.get(partition, 0)) for partition in sorted(self.positions))
        return tuple(
            (*partition, offset if offset > committed.get(partition, 0) else OFFSET_INVALID)
            for partition, offset in stored
        )

    def end(self, partition: Partition) -> int:
        """The end of the log, as far as this consumer reads."""
        log = self._logs[partition]
        return log.stable if self._committed_only else log.end

    def _resolved(self, partition: Partition, offset: int | None) -> int:
        """A position in a log; what is no offset stands for the committed one."""
        if offset is None or offset < OFFSET_BEGINNING:
            if self._group.offsets.unstable(partition):
                return NOT_STABLE
            offset = self._group.committed.get(partition)
        if offset is None:
            return self._reset(partition)
        return {OFFSET_BEGINNING: 0, OFFSET_END: self.end(partition)}.get(offset, offset)

    def _reset(self, partition: Partition) -> int:
        """Where to read from without a position (auto.offset.reset)."""
        match self._config.auto_offset_reset:
            case "earliest":
                return 0
            case "latest":
                return self.end(partition)
            case _:
                topic, number = partition
                self._tell(r.Notice(AUTO_OFFSET_RESET, f"{topic} [{number}]: no offset to reset to"))
                return self.end(partition)

    def state(self) -> tuple[Any, ...]:
        """What the rest of the run depends on."""
        return (
            tuple(self.positions.items()),
            tuple(self.given.items()),
            tuple(self.stored.items()) if self.stored != self.given else None,
            tuple(sorted(self._held)),
        )
