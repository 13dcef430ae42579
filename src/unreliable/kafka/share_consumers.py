"""Share consumers: what the client library does in one life of a process (KIP-932).

Rules, and where they are defined (confluent_kafka.ShareConsumer; KafkaShareConsumer)
- A poll gives what it has acquired, as a batch. Acknowledgements are noted here and travel with the next poll or
  commit, which tells for each partition whether they were taken.
- `share.acknowledgement.mode=implicit`: the next poll or commit accepts all that the last poll gave. With explicit
  the application acknowledges each record, or the next poll is an illegal state.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from unreliable import requests as r
from unreliable.kafka.log import Log, Partition
from unreliable.kafka.share_groups import ACQUIRED, ShareGroup

if TYPE_CHECKING:
    from unreliable.world import Process, World

LEAST_WAIT_MS = 250  # of a poll in vain


@dataclass(slots=True)
class Waiting:
    """A poll that waits for a record."""

    process: "Process"
    topics: tuple[str, ...]
    ticket: int


class ShareConsumers:
    requests: ClassVar = (r.SharePoll, r.ShareCommit, r.ShareClose)

    def __init__(self, world: "World", logs: dict[Partition, Log]) -> None:
        self._world = world
        self._logs = logs
        self._waiting: dict[tuple[str, int], Waiting] = {}
        self.groups: dict[str, ShareGroup] = {}

    def _group(self, process: "Process") -> ShareGroup:
        return self.groups.setdefault(process.spec.group, ShareGroup(self._logs))

    def perform(self, process: "Process", request: r.Request) -> None:
        match request:
            case r.SharePoll():
                self._acknowledge(process, request.acknowledgements)
                self._poll(process, request)
            case r.ShareCommit():
                self._world.answer(process, self._acknowledge(process, request.acknowledgements))
            case r.ShareClose():
                self._acknowledge(process, request.acknowledgements)
                self._release(process)
                self._world.answer(process, None)
            case _:
                raise TypeError(request)

    def _acknowledge(self, process: "Process", places: r.Acknowledgements) -> tuple[tuple[str, int, bool], ...]:
        """For each partition whether all that was said of its records was taken."""
        group = self._group(process)
        taken: dict[Partition, bool] = {}
        for topic, number, offset, kind in places:
            here = group.acknowledge(process.here, (topic, number, offset), kind)
            taken[topic, number] = taken.get((topic, number), True) and here
            if self._world.trace is not None:
                self._world.trace.acknowledged(process, (topic, number, offset), kind, here)
        self._hold(group)
        if taken:
            self._world.changed()
            self.wake()
        return tuple((*partition, here) for partition, here in taken.items())

    def _poll(self, process: "Process", request: r.SharePoll) -> None:
        topics = (
            request.topics or process.spec.subscribes or tuple(dict.fromkeys(topic for topic, _ in self._logs))
        )
        self._waiting[process.here] = Waiting(process, topics, process.ticket)
        self._serve(self._waiting[process.here])
        if process.here in self._waiting and request.timeout_ms is not None:
            wait_ms = max(request.timeout_ms, LEAST_WAIT_MS)
            self._world.after(wait_ms, ShareConsumers.waited_in_vain, self, *process.here, process.ticket)

    def _serve(self, waiting: Waiting) -> None:
        """Gives the poll all that is available, locked."""
        process = waiting.process
        lock_ms = process.spec.consumer_config.share_record_lock_duration_ms
        group = self._group(process)
        given = tuple(group.acquire(process.here, waiting.topics, self._world.now_ms + lock_ms))
        self._hold(group)
        if not given:
            return
        del self._waiting[process.here]
        for record, count in given:
            place = (record.topic, record.partition, record.offset)
            self._world.after(lock_ms, ShareConsumers.lock_over, self, *process.here, place, count)
            if self._world.trace is not None:
                self._world.trace.acquired(process, record, count)
        process.at_moment = -1
        self._reply(process, tuple(r.Delivered(record, count) for record, count in given))

    def _reply(self, process: "Process", given: tuple[r.Delivered, ...]) -> None:
        explicit = process.spec.consumer_config.share_acknowledgement_mode == "explicit"
        self._world.answer(process, (explicit, given))

    def waited_in_vain(self, name: str, life: int, ticket: int) -> None:
        """The poll's time is over."""
        waiting = self._waiting.get((name, life))
        if waiting is not None and waiting.ticket == ticket and self._world.alive(name, life):
            del self._waiting[name, life]
            self._world.waited(waiting.process)
            self._reply(waiting.process, ())

    def lock_over(self, name: str, life: int, place: tuple[str, int, int], count: int) -> None:
        """Nobody has acknowledged the record in time: it may be another's."""
        process = self._world.processes[name]
        group = self._group(process)
        if group.over((name, life), place, count):
            self._hold(group)
            if self._world.trace is not None:
                self._world.trace.lock_over(process, place)
            self._world.changed()
            self.wake()

    def wake(self) -> None:
        """Something is available that was not: those who wait may have it."""
        for waiting in list(self._waiting.values()):
            self._serve(waiting)

    def _hold(self, group: ShareGroup) -> None:
        """As long as a record is locked, the run has not come to rest."""
        before, group.held = group.held, sum(found.state == ACQUIRED for found in group.deliveries.values())
        self._world.hold(group.held - before)

    def _release(self, process: "Process") -> None:
        self._waiting.pop(process.here, None)
        group = self.groups.get(process.spec.group)
        if group is not None and group.release_all(process.here):
            self._hold(group)
            self._world.changed(lasting=False)
            self.wake()

    def crashed(self, process: "Process") -> None:
        """Its connection breaks: what it had is available."""
        self._release(process)

    def state(self) -> object:
        """What is locked, and for how long, or done, and who waits."""
        now_ms = self._world.now_ms
        groups = tuple((name, group.state(now_ms)) for name, group in sorted(self.groups.items()))
        return groups, tuple(sorted(name for name, _ in self._waiting))
