"""The broker: topics of partitions, and who answers for what.

Rules
- A partition is a log (`log.py`). Producers append to it (`producer.py`, `producer_state.py`); consumers read from
  it and commit how far they are for their group (`groups.py`).
- A request of a client takes effect here when it is made; the options are what may become of it and its reply.
"""

from typing import TYPE_CHECKING, ClassVar

from unreliable import requests as r
from unreliable.kafka.groups import Consumers
from unreliable.kafka.log import Log
from unreliable.kafka.producer import Producers

if TYPE_CHECKING:
    from unreliable.world import Process, World


class Broker:
    requests: ClassVar = (
        *(r.Produce, r.Delivery, r.Flush, r.Poll, r.CommitOffsets),
        *(r.Seek, r.Committed, r.Assignment),
    )

    def __init__(self, world: "World", topics: dict[str, int]) -> None:
        partitions = [(topic, number) for topic, count in topics.items() for number in range(count)]
        self.logs = {partition: Log(partition) for partition in partitions}
        self._consumers = Consumers(world, self.logs)
        self._producers = Producers(world, self.logs, self._consumers.wake)
        self.groups = self._consumers.groups
        self.silent = self._consumers.silent

    def options(self, request: type[r.Request]) -> tuple[str, ...]:
        if request is r.Produce:
            return ("lose reply", "error")
        return ("lose request", "lose reply") if request is r.CommitOffsets else ()

    def perform(self, process: "Process", request: r.Request, outcome: str) -> None:
        match request:
            case r.Poll():
                self._consumers.poll(process, request)
            case r.CommitOffsets():
                self._consumers.commit(process, request, outcome)
            case r.Produce():
                self._producers.produce(process, request, outcome)
            case r.Delivery():
                self._producers.deliver(process, request)
            case r.Flush():
                self._producers.flush(process)
            case r.Seek():
                self._consumers.seek(process, request)
            case r.Committed():
                self._consumers.committed(process, request)
            case _:
                self._consumers.assignment(process)

    def crashed(self, process: "Process") -> None:
        self._producers.crashed(process)
        self._consumers.crashed(process)

    def lag(self, group: str, topic: str) -> int:
        """How many records of the topic the group has not committed yet."""
        committed = self.groups[group].committed if group in self.groups else {}
        lags = (log.end - committed.get(key, 0) for key, log in self.logs.items() if key[0] == topic)
        return sum(max(0, lag) for lag in lags)

    def state(self) -> object:
        """What the rest of the run depends on: logs, offsets, and who is in which group."""
        logs = tuple(log.state() for log in self.logs.values())
        return logs, self._consumers.state(), self._producers.state()
