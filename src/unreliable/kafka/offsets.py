"""The offsets of a group: what it has committed, and what open transactions are about to commit for it.

Rules, and where Apache Kafka defines them (OffsetMetadataManager; KIP-447; the numbers are those of the tests)
- A committed offset is that of the next record to read. The last that was written holds, also if it is lower, and
  also if no record has it.
- 23. The offsets of a transaction are pending until it is decided. Meanwhile the partition's committed offset is
  not stable: who asks for it waits (UNSTABLE_OFFSET_COMMIT, which clients retry).
- Pending offsets are committed with their transaction, and forgotten if it is aborted. A commit that was written
  after them holds, even if it was taken before the transaction was decided.
"""

from dataclasses import dataclass

type Partition = tuple[str, int]
type Places = tuple[tuple[str, int, int], ...]


@dataclass(slots=True)
class Pending:
    """An offset that is part of an open transaction. `overtaken`: a later one is committed already."""

    transactional_id: str
    partition: Partition
    offset: int
    overtaken: bool = False


class Offsets:
    """The offsets of one group."""

    def __init__(self) -> None:
        self.committed: dict[Partition, int] = {}
        self._pending: list[Pending] = []  # in the order in which they were written

    def commit(self, places: Places) -> bool:
        """Commits these at once. Whether that changes anything."""
        before = dict(self.committed)
        for topic, number, offset in places:
            self._hold((topic, number), offset, self._pending)
        return before != self.committed

    def add(self, transactional_id: str, places: Places) -> None:
        """These are part of a transaction from now on."""
        self._pending += [Pending(transactional_id, (topic, number), offset) for topic, number, offset in places]

    def settle(self, transactional_id: str, commits: bool) -> list[Partition]:
        """The transaction is decided. The partitions of which it had an offset."""
        written = self._pending
        self._pending = [pending for pending in written if pending.transactional_id != transactional_id]
        mine = [pending for pending in written if pending.transactional_id == transactional_id]
        for pending in mine if commits else ():
            if not pending.overtaken:
                self._hold(pending.partition, pending.offset, written[: written.index(pending)])
        return [pending.partition for pending in mine]

    def unstable(self, partition: Partition) -> bool:
        """Whether an open transaction is about to commit an offset of this partition."""
        return any(pending.partition == partition for pending in self._pending)

    def _hold(self, partition: Partition, offset: int, earlier: list[Pending]) -> None:
        self.committed[partition] = offset
        for pending in earlier:
            pending.overtaken = pending.overtaken or pending.partition == partition

    def state(self) -> object:
        """What later commits and reads depend on."""
        pending = tuple((p.transactional_id, p.partition, p.offset, p.overtaken) for p in self._pending)
        return tuple(sorted(self.committed.items())), pending
