"""The coordinator of a consumer group under the protocol of KIP-848 (group.protocol=consumer).

Rules, and where Apache Kafka defines them (KIP-848; ConsumerGroup, CurrentAssignmentBuilder)
- The broker assigns. Whenever somebody joins or leaves it makes a new target for all, under a new epoch of the
  group; what a member has is moved as little as can be (UniformAssignor). Nobody waits for anybody to join.
- Each member goes towards its target by itself, in the steps of `step`. First it gives up what is no longer its
  own: until it has said that it has, its epoch stands still. Then its epoch is the group's, and it is given what
  is new to it, as far as others have given that up; the rest follows when they have.
- A commit needs the member's own epoch (else STALE_MEMBER_EPOCH), a heartbeat too (else FENCED_MEMBER_EPOCH);
  after that the member begins anew with epoch 0.
- A static member that closes leaves for the time being: who comes with the same `group.instance.id` takes its
  place. As long as it has not closed, and its session lasts, such a one is refused (UNRELEASED_INSTANCE_ID).

Heartbeats take no time here: a member learns at once what it is to give up or is given, as far as it is awake
(`group.consumer.heartbeat.interval.ms` is 5 s). The session is as long as under the classic protocol; in Kafka
`group.consumer.session.timeout.ms`, 45 s, is the broker's to say.

Left out here: commits with an older epoch for partitions that the member had then already (KIP-1251, since 4.3).
"""

from collections.abc import Callable, Iterable

from unreliable.kafka.assignors import Subscription, assign_sticky
from unreliable.kafka.errors import FENCED_EPOCH, STALE_EPOCH, UNRELEASED
from unreliable.kafka.groups import AnyGroup, Member
from unreliable.kafka.log import Partition
from unreliable.requests import Failure


class ModernGroup(AnyGroup):
    """One group; `generation` is its epoch. `watch` is called with members that have been assigned partitions."""

    def __init__(
        self, partitions: Iterable[Partition], watch: Callable[["ModernGroup", list[Member]], None]
    ) -> None:
        super().__init__(partitions)
        self._target: dict[str, tuple[Partition, ...]] = {}
        self._watch = watch

    def join(self, member: Member) -> Failure | None:
        """A member's heartbeat: its first, or one that says what it has now. Why it is refused, if it is."""
        known = self.members.get(member.id)
        holder = self._of_instance(member.instance)
        if holder is not None and holder.id != member.id:
            if not holder.released:
                return UNRELEASED
            self._replace(holder, member)
        elif known is None:
            self.members[member.id] = member
            self._aim()
        elif member.epoch not in {known.epoch, 0}:
            return FENCED_EPOCH
        else:
            topics_before, known.subscription = known.subscription.topics, member.subscription
            if topics_before != known.subscription.topics:
                self._aim()
        self._reconcile()
        return None

    def leave(self, member_id: str, for_now: bool = False) -> None:
        """A member leaves, or its session is over; `for_now`: a static one that will be back."""
        if for_now and member_id in self.members:
            self.members[member_id].released = True
        elif self.members.pop(member_id, None) is not None:
            self._aim()
            self._reconcile()

    def catch_up(self, member_id: str) -> None:
        """A member that stood still sends its heartbeat."""
        self._reconcile()

    def _refusal(self, member: Member, generation: int) -> Failure | None:
        return None if generation == member.epoch else STALE_EPOCH

    def _aim(self) -> None:
        """A new target, under a new epoch."""
        self.generation += 1
        subscriptions = {
            member.id: Subscription(member.subscription.topics, self._target.get(member.id, ()))
            for member in self.sorted()
        }
        self._target = assign_sticky(subscriptions, self._partitions)

    def _reconcile(self) -> None:
        """Lets every member that is awake take the steps that it can take."""
        moved = True
        while moved:
            moved = False
            for member in self.sorted():
                if member.client.awake and not member.released and self.step(member):
                    moved = True
                    member.client.synced(member.epoch, member.assignment)

    def step(self, member: Member) -> bool:
        """The member's next step towards its target; whether there was one."""
        if any(partition in member.subscription.owned for partition in member.revoking):
            return False
        target = self._target[member.id]
        before = member.epoch, member.assignment, member.revoking
        member.revoking = tuple(partition for partition in member.assignment if partition not in target)
        kept = tuple(partition for partition in member.assignment if partition in target)
        if member.revoking:
            member.assignment = kept
        else:
            taken = self._taken_by_others(member)
            member.epoch = self.generation
            member.assignment = (*kept, *(each for each in target if each not in kept and each not in taken))
        if member.assignment != before[1]:
            self._watch(self, [member])
        return before != (member.epoch, member.assignment, member.revoking)

    def _taken_by_others(self, member: Member) -> set[Partition]:
        others = (other for other in self.members.values() if other is not member)
        return {partition for other in others for partition in (*other.assignment, *other.revoking)}

    def _replace(self, holder: Member, member: Member) -> None:
        """Who comes with the same instance id takes over what its predecessor had."""
        del self.members[holder.id]
        self.members[member.id] = member
        self._target[member.id] = self._target.pop(holder.id)

    def state_of(self, alive: Callable[[str, int], bool]) -> object:
        """What later rebalances depend on; of epochs only whether they are the group's."""
        members = tuple(
            (
                *(member.order[:2], alive(*member.client.here), member.released, self._target[member.id]),
                *(member.epoch == self.generation, member.assignment, member.revoking),
            )
            for member in self.sorted()
        )
        return self.offsets.state(), members
