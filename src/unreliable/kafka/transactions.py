"""The transaction coordinator: whose transaction is open, how it ended, and where that has to be written.

Rules, and where Apache Kafka defines them (KIP-98; TransactionCoordinator, TransactionMetadata; the numbers are
those of the tests)
- 10. Who initialises a transactional.id gets its next epoch; the transaction that its predecessor left is aborted.
- 11. A request with an epoch that is not the last is refused with PRODUCER_FENCED, one for an id that nobody has
  initialised with INVALID_PRODUCER_ID_MAPPING, an end that contradicts the decision with INVALID_TXN_STATE
  (`ENDS`).
- 12. An end is answered once it is decided. After that the markers are written, whatever becomes of the producer;
  until then the coordinator answers CONCURRENT_TRANSACTIONS. Here that takes no time, unless the coordinator moves
  to another broker in between (fault *move*).
- 16. A transaction that is open for longer than its producer's transaction.timeout.ms is aborted with the next
  epoch, so its producer is fenced. A timeout of more than `MOST_TIMEOUT_MS` is refused with
  INVALID_TRANSACTION_TIMEOUT.
- Offsets of a group can be part of a transaction: the group has them when it is committed (`offsets.py`).
- 13. Version 1, which librdkafka speaks: an epoch lasts for many transactions, so an end that was delivered twice
  may end a later transaction (15). Version 2 (KIP-890, the Java client since 4.0): every end brings the next
  epoch, so it cannot; an end that is sent again with the epoch before is recognised.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from unreliable.clients.confluent_kafka import KafkaError
from unreliable.kafka.log import Log, Partition
from unreliable.kafka.offsets import Offsets, Places
from unreliable.kafka.producer_state import Refused

if TYPE_CHECKING:
    from unreliable.world import Appointment, World

MOST_TIMEOUT_MS = 900_000  # transaction.max.timeout.ms
MOVE_MS = 3_000  # until another broker has taken over what the coordinator was at

EMPTY, ONGOING = "Empty", "Ongoing"
PREPARE_COMMIT, PREPARE_ABORT = "PrepareCommit", "PrepareAbort"
COMPLETE_COMMIT, COMPLETE_ABORT = "CompleteCommit", "CompleteAbort"

GOES_ON, IS_SO_ALREADY = "goes on", "is so already"
BUSY, CONTRADICTS = KafkaError.CONCURRENT_TRANSACTIONS, KafkaError.INVALID_TXN_STATE

# (state, whether the producer wants to commit): what its EndTxn leads to (TransactionCoordinator.endTransaction).
ENDS: dict[tuple[str, bool], str | int] = {
    (EMPTY, True): CONTRADICTS,
    (EMPTY, False): CONTRADICTS,
    (ONGOING, True): GOES_ON,
    (ONGOING, False): GOES_ON,
    (PREPARE_COMMIT, True): BUSY,
    (PREPARE_COMMIT, False): CONTRADICTS,
    (PREPARE_ABORT, True): CONTRADICTS,
    (PREPARE_ABORT, False): BUSY,
    (COMPLETE_COMMIT, True): IS_SO_ALREADY,
    (COMPLETE_COMMIT, False): CONTRADICTS,
    (COMPLETE_ABORT, True): CONTRADICTS,
    (COMPLETE_ABORT, False): IS_SO_ALREADY,
}


@dataclass(slots=True)
class Transactions:
    """What the coordinator knows of one transactional.id. `owner` is the process that initialised it last."""

    owner: tuple[str, int]
    timeout_ms: int
    epoch: int = -1
    state: str = EMPTY
    partitions: list[Partition] = field(default_factory=list[Partition])
    groups: list[str] = field(default_factory=list[str])
    timer: "Appointment | None" = None  # the event that aborts the open transaction
    late: tuple[int, bool] | None = None  # epoch and kind of an end that the network delivers once more


class Coordinator:
    """All transactional ids of a run.

    `offsets` gives those of a group; `wake` is told the partition that may have more to read, or whose committed
    offset is stable again.
    """

    def __init__(
        self,
        world: "World",
        logs: Mapping[Partition, Log],
        offsets: Callable[[str], Offsets],
        wake: Callable[[Partition], None],
    ) -> None:
        self._world = world
        self._logs = logs
        self._offsets = offsets
        self._wake = wake
        self._version = world.scenario.transaction_version
        self._ids: dict[str, Transactions] = {}

    # What a producer asks for; each raises Refused

    def initialise(self, transactional_id: str, owner: tuple[str, int], timeout_ms: int) -> int:
        """The epoch of the producer that has this id from now on (InitProducerId)."""
        if timeout_ms > MOST_TIMEOUT_MS:
            raise Refused(KafkaError.INVALID_TRANSACTION_TIMEOUT)
        known = self._ids.setdefault(transactional_id, Transactions(owner, timeout_ms))
        if known.state == ONGOING:
            known.epoch += 1
            self._decide(transactional_id, commits=False)
        if known.state in {PREPARE_COMMIT, PREPARE_ABORT}:
            raise Refused(KafkaError.CONCURRENT_TRANSACTIONS)
        known.epoch += 1
        known.owner, known.timeout_ms, known.state = owner, timeout_ms, EMPTY
        self._world.changed()
        return known.epoch

    def add(self, transactional_id: str, epoch: int, partition: Partition | None = None) -> None:
        """The transaction gets to this partition, or to a group's offsets: from now on it is open."""
        known = self._checked(transactional_id, epoch)
        if known.state in {PREPARE_COMMIT, PREPARE_ABORT}:
            raise Refused(KafkaError.CONCURRENT_TRANSACTIONS)
        if known.state != ONGOING:
            known.state = ONGOING
            known.partitions.clear()
            known.groups.clear()
            known.timer = self._world.after(
                known.timeout_ms, Coordinator.expire, self, *known.owner, transactional_id
            )
            self._world.changed()
        if partition is not None and partition not in known.partitions:
            known.partitions.append(partition)

    def add_offsets(self, transactional_id: str, group: str, places: Places) -> None:
        """The transaction, which is open, gets to these offsets of a group, which has agreed."""
        known = self._ids[transactional_id]
        if group not in known.groups:
            known.groups.append(group)
        self._offsets(group).add(transactional_id, places)
        self._world.changed()

    def check_end(self, transactional_id: str, epoch: int, commits: bool) -> None:
        """Nothing, if `end` would not be refused."""
        known = self._checked(transactional_id, epoch, ends=True)
        found = ENDS[known.state, commits]
        if isinstance(found, int):
            raise Refused(found)

    def end(self, transactional_id: str, epoch: int, commits: bool, moves: bool = False) -> int:
        """Decides the transaction, if it is open; the producer's epoch from then on. `moves`: see rule 12."""
        self.check_end(transactional_id, epoch, commits)
        known = self._ids[transactional_id]
        if ENDS[known.state, commits] == GOES_ON:
            known.epoch += self._version > 1
            self._decide(transactional_id, commits, MOVE_MS if moves else 0)
        return known.epoch

    def deliver_late(self, transactional_id: str, epoch: int, commits: bool) -> None:
        """The network has this end twice: it delivers the second when it does most harm, see `arrive_late`."""
        self._ids[transactional_id].late = (epoch, commits)

    def arrive_late(self, transactional_id: str) -> None:
        """A later transaction has written something: now an end that is under way for the second time arrives."""
        known = self._ids[transactional_id]
        if known.late is None or known.state != ONGOING:
            return
        (epoch, commits), known.late = known.late, None
        if epoch == known.epoch:
            self._decide(transactional_id, commits)

    def busy(self, transactional_id: str) -> bool:
        """Whether markers of this id's transaction are still to be written."""
        return transactional_id in self._ids and self._ids[transactional_id].state in {
            PREPARE_COMMIT,
            PREPARE_ABORT,
        }

    def _checked(self, transactional_id: str, epoch: int, ends: bool = False) -> Transactions:
        known = self._ids.get(transactional_id)
        if known is None:
            raise Refused(KafkaError.INVALID_PRODUCER_ID_MAPPING)
        again = ends and self._version > 1 and epoch == known.epoch - 1 and known.state not in {EMPTY, ONGOING}
        if epoch != known.epoch and not again:
            raise Refused(KafkaError.PRODUCER_FENCED)
        return known

    # How a transaction ends

    def expire(self, _name: str, _life: int, transactional_id: str) -> None:
        """The transaction has been open for too long."""
        known = self._ids[transactional_id]
        known.epoch += 1
        if self._world.trace is not None:
            self._world.trace.timed_out(self._world.processes[known.owner[0]], known.timeout_ms)
        self._decide(transactional_id, commits=False)

    def _decide(self, transactional_id: str, commits: bool, delay_ms: int = 0) -> None:
        """From here on the transaction ends like this, whatever happens."""
        known = self._ids[transactional_id]
        known.state = PREPARE_COMMIT if commits else PREPARE_ABORT
        if known.timer is not None:
            self._world.cancel(known.timer)
            known.timer = None
        self._world.changed()
        if delay_ms:
            self._world.after(delay_ms, Coordinator.complete, self, *known.owner, transactional_id)
        else:
            self.complete(*known.owner, transactional_id)

    def complete(self, _name: str, _life: int, transactional_id: str) -> None:
        """Writes the markers, and gives the groups their offsets (WriteTxnMarkers)."""
        known = self._ids[transactional_id]
        commits = known.state == PREPARE_COMMIT
        known.state = COMPLETE_COMMIT if commits else COMPLETE_ABORT
        markers = [self._logs[key].mark(transactional_id, known.epoch, commits) for key in known.partitions]
        stable = [key for group in known.groups for key in self._offsets(group).settle(transactional_id, commits)]
        self._world.changed()
        if self._world.trace is not None:
            process = self._world.processes[known.owner[0]]
            for partition, marker in zip(known.partitions, markers, strict=True):
                self._world.trace.marked(process, partition, marker.offset, commits)
        for partition in dict.fromkeys((*known.partitions, *stable)):
            self._wake(partition)

    # What lasts

    def epoch_of(self, transactional_id: str) -> int:
        return self._ids[transactional_id].epoch

    def state(self) -> object:
        """All that the rest of the run depends on; of epochs only how old they are."""
        return tuple(
            (
                *(name, known.state, tuple(known.partitions), tuple(known.groups)),
                known.late and (known.late[0] - known.epoch, known.late[1]),
            )
            for name, known in self._ids.items()
        )
