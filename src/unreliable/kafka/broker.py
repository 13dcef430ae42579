"""The broker: topics of partitions, and who answers for what.

Rules
- A partition is a log (`log.py`). Producers append to it (`producer.py`, `producer_state.py`), in transactions, if
  they want (`transactional.py`, `transactions.py`); consumers read from it (`consumer.py`) and commit how far they
  are for their group (`groups.py`, `modern_groups.py`). Share consumers acquire records one by one
  (`share_consumers.py`, `share_groups.py`).
- A request of a client takes effect here when it is made; the options are what may become of it and its reply.
- A broker that restarts has all that it has acknowledged: the log is on its disk, and Kafka's recovery gives a
  partition its producers' state back. To its clients it is the loss of what is under way, *retry*, and to the
  transactions that it coordinates a *move*.
"""

from typing import TYPE_CHECKING, ClassVar

from unreliable import requests as r
from unreliable.kafka.consumers import Consumers
from unreliable.kafka.log import Log, Partition
from unreliable.kafka.offsets import Offsets
from unreliable.kafka.producer import Producers
from unreliable.kafka.share_consumers import ShareConsumers
from unreliable.kafka.transactional import RETRY_MS, Transactional
from unreliable.kafka.transactions import Coordinator

if TYPE_CHECKING:
    from unreliable.world import Process, World


_OF_CONSUMERS = frozenset(Consumers.requests)
_PLAIN_PRODUCE = ("lose reply", "error", "delay", "retry request")


class Broker:
    requests: ClassVar = (
        *(r.Produce, r.Delivery, r.Flush, *Consumers.requests, *ShareConsumers.requests),
        *(r.InitTransactions, r.BeginTransaction, r.SendOffsets, r.EndTransaction),
    )

    def __init__(self, world: "World", topics: dict[str, int]) -> None:
        self._world = world
        partitions = [(topic, number) for topic, count in topics.items() for number in range(count)]
        self.logs = {partition: Log(partition) for partition in partitions}
        self._consumers = Consumers(world, self.logs)
        self._sharing = ShareConsumers(world, self.logs)
        self.coordinator = Coordinator(world, self.logs, self._offsets_of, self._wake)
        self._transactional = Transactional(world, self.coordinator, self._consumers.group)
        self._producers = Producers(world, self.logs, self._transactional, self._wake)
        self.groups = self._consumers.groups
        self.share_groups = self._sharing.groups
        self.pauses = self._consumers.pauses
        self.wakes = self._consumers.wakes

    def options(self, request: type[r.Request], process: "Process") -> tuple[str, ...]:
        config = process.spec.producer_config
        transactional = config.transactional_id is not None
        if request is r.Produce:
            if transactional:
                return ("error",)  # the end of the transaction waits for all else
            return ("lose reply", "error", "delay") if config.idempotence else _PLAIN_PRODUCE
        if request is r.EndTransaction and transactional:
            return ("lose request", "lose reply", "retry request", "retry reply", "duplicate", "move")
        if request is r.SendOffsets and transactional:
            return ("lose request",)  # without the answer the offsets are as little committed
        if request is r.CommitOffsets:
            return ("lose request", "lose reply", "retry request", "retry reply")
        return ()

    def perform(self, process: "Process", request: r.Request, outcome: str) -> None:
        if type(request) in _OF_CONSUMERS:
            self._consumers.perform(process, request, outcome)
            return
        match request:
            case r.Delivery():
                self._producers.deliver(process, request)
            case r.Flush():
                self._producers.flush(process)
            case r.InitTransactions() | r.BeginTransaction():
                self._transactional.perform(process, request, outcome)
            case r.SharePoll() | r.ShareCommit() | r.ShareClose():
                self._sharing.perform(process, request)
            case _ if process.spec.producer_config.transactional_id and self._has_to_wait(process, request):
                self.again(RETRY_MS, process, request, outcome)
            case r.Produce():
                self._producers.produce(process, request, outcome)
            case _:
                self._transactional.perform(process, request, outcome)

    def _wake(self, partition: Partition) -> None:
        """Who waits for a record of this partition may have it."""
        self._consumers.wake(partition)
        self._sharing.wake()

    def _offsets_of(self, group: str) -> Offsets:
        return self._consumers.group(group).offsets

    def again(self, delay_ms: int, process: "Process", request: r.Request, outcome: str = "ok") -> None:
        """The client library sends the request again, if the process still lives."""
        self._world.after(delay_ms, Broker.sent_again, self, *process.here, request, outcome)

    def sent_again(self, name: str, life: int, request: r.Request, outcome: str) -> None:
        if self._world.alive(name, life):
            self.perform(self._world.processes[name], request, outcome)

    def _has_to_wait(self, process: "Process", request: r.Request) -> bool:
        """Whether what the process asks for has to wait for what it has asked for before."""
        if isinstance(request, r.EndTransaction):
            return self._producers.in_flight(process)
        return self._transactional.busy(process)

    def crashed(self, process: "Process") -> None:
        self._producers.crashed(process)
        self._transactional.crashed(process)
        self._consumers.crashed(process)
        self._sharing.crashed(process)

    def lag(self, group: str, topic: str) -> int:
        """How many records of the topic the group has not committed yet; of a share group: not dealt with."""
        if group in self.share_groups:
            return self.share_groups[group].unfinished(topic)
        committed = self.groups[group].committed if group in self.groups else {}
        return sum(log.unread(committed.get(key, 0)) for key, log in self.logs.items() if key[0] == topic)

    def state(self) -> object:
        """What the rest of the run depends on: logs, transactions, offsets, and who is in which group."""
        logs = tuple(log.state(self._transactional.epoch_of) for log in self.logs.values())
        transactions = (self.coordinator.state(), self._transactional.state())
        return logs, transactions, self._consumers.state(), self._sharing.state(), self._producers.state()
