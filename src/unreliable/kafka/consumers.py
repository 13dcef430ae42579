"""The consumers of a run, and the groups that they are in: who answers which request.

Rules
- A life of a process has one consumer, made at its first request. What it had committed outlives it, in its group.
- A member whose process is dead or stands still stays in its group until its session is over.
"""

from typing import TYPE_CHECKING, ClassVar

from unreliable import requests as r
from unreliable.kafka.consumer import Consumer
from unreliable.kafka.groups import AnyGroup, Group, Member
from unreliable.kafka.log import Log, Partition
from unreliable.kafka.modern_groups import ModernGroup

if TYPE_CHECKING:
    from unreliable.world import Process, World


class Consumers:
    requests: ClassVar = (
        *(r.Poll, r.CommitOffsets, r.Seek, r.Committed, r.Assignment),
        *(r.Subscribe, r.Unsubscribe, r.Close, r.Called, r.Assign, r.GroupMetadata),
        *(r.Position, r.PausePartitions, r.StoreOffsets, r.Watermarks),
    )

    def __init__(self, world: "World", logs: dict[Partition, Log]) -> None:
        self._world = world
        self._logs = logs
        self._living: dict[tuple[str, int], Consumer] = {}
        self.groups: dict[str, Group | ModernGroup] = {}

    def perform(self, process: "Process", request: r.Request, outcome: str) -> None:
        consumer = self.of(process)
        match request:
            case r.Poll():
                consumer.poll(request)
            case r.CommitOffsets():
                consumer.commit(request, outcome)
            case r.Called():
                consumer.called()
            case r.Subscribe():
                consumer.subscribe(request)
            case r.Unsubscribe():
                consumer.unsubscribe()
            case r.Close():
                consumer.close(request)
            case r.Assign():
                consumer.assign(request)
            case r.Seek():
                consumer.seek(request)
            case r.PausePartitions():
                consumer.hold(request)
            case r.StoreOffsets():
                consumer.store(request)
            case _:
                consumer.tell(request)

    def of(self, process: "Process") -> Consumer:
        """The consumer of this life of the process."""
        consumer = self._living.get(process.here)
        if consumer is None:
            group = self.group(process.spec.group)
            consumer = self._living[process.here] = Consumer(process, self._world, self._logs, group)
        return consumer

    def group(self, name: str) -> Group | ModernGroup:
        """The group of this name, which may be empty."""
        if name not in self.groups:
            configs = (each.consumer_config for each in self._world.scenario.processes if each.group == name)
            modern = any(config.group_protocol == "consumer" for config in configs)
            self.groups[name] = (ModernGroup if modern else Group)(self._logs, self._assigned)
        return self.groups[name]

    def _assigned(self, group: AnyGroup, members: list[Member]) -> None:
        if self._world.trace is not None:
            self._world.trace.assigned(group, members)

    def wake(self, partition: Partition) -> None:
        """Lets those have the new record of this partition who wait for one."""
        for consumer in self._living.values():
            if consumer.waiting and partition in consumer.positions:
                consumer.serve()
            consumer.told_later()

    def crashed(self, process: "Process") -> None:
        """The broker notices only when the session is over."""
        consumer = self._living.pop(process.here, None)
        if consumer is not None:
            consumer.silent(consumer.config.session_timeout_ms)

    def pauses(self, process: "Process", duration_ms: int) -> None:
        """The process stands still, and sends no heartbeats."""
        consumer = self._living.get(process.here)
        if consumer is not None:
            consumer.paused = True
            consumer.silent(duration_ms)

    def wakes(self, process: "Process") -> None:
        """The process goes on."""
        consumer = self._living.get(process.here)
        if consumer is not None:
            consumer.wakes()

    def state(self) -> object:
        """What is committed, who is in which group, and where the living are."""
        alive = self._world.alive
        groups = tuple((name, group.state_of(alive)) for name, group in sorted(self.groups.items()))
        living = tuple((name, consumer.state()) for (name, _), consumer in sorted(self._living.items()))
        return groups, living
