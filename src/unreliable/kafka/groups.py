"""The coordinator of a consumer group under the classic protocol: who is in it, and who reads what.

Rules, and where Apache Kafka defines them (ClassicGroup, GroupMetadataManager.classicGroupJoin; KIP-429, KIP-345)
- The states are those of `MOVES`. Who joins or leaves makes the group prepare a rebalance. It has been prepared
  when every member has joined (again), or is out because its session is over; then the generation grows, and the
  leader assigns. A leader that stands still just then keeps all waiting until its session is over.
- The assignor is the first that all members have among theirs.
- A commit needs the member id of a member (else UNKNOWN_MEMBER_ID) and the group's generation (else
  ILLEGAL_GENERATION). It is taken while a rebalance is prepared, and refused while it completes
  (REBALANCE_IN_PROGRESS). Whether the partition is the member's nobody asks. (ClassicGroup.validateOffsetCommit)
- Who is in no group may commit for one without members (a consumer that is assigned partitions by hand).
- A static member (`group.instance.id`) that comes again takes the place of its predecessor: in a stable group it
  is given the same partitions, without a rebalance; the predecessor is fenced (FENCED_INSTANCE_ID).

Heartbeats take no time here: members learn at once that a rebalance is prepared, as far as they are awake
(`heartbeat.interval.ms` is 3 s). The leader is the first member in the order of ids; in Kafka, the first that
joined. There is no `group.initial.rebalance.delay.ms`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from unreliable.kafka.assignors import ASSIGNORS, Subscription
from unreliable.kafka.errors import FENCED, NOT_A_MEMBER, OLD_GENERATION, REBALANCING
from unreliable.kafka.log import Partition
from unreliable.kafka.offsets import Offsets, Places
from unreliable.requests import Failure

EMPTY, PREPARING, COMPLETING, STABLE = "Empty", "PreparingRebalance", "CompletingRebalance", "Stable"

# (state, what happens): the next state. What is not listed does not happen, or changes nothing.
MOVES = {
    (EMPTY, "a member joins"): PREPARING,
    (STABLE, "a member joins"): PREPARING,
    (STABLE, "a member leaves"): PREPARING,
    (COMPLETING, "a member joins"): PREPARING,
    (COMPLETING, "a member leaves"): PREPARING,
    (PREPARING, "all have joined"): COMPLETING,
    (PREPARING, "nobody is left"): EMPTY,
    (COMPLETING, "the leader assigns"): STABLE,
}

type Order = tuple[int, str, int, int]


class Client(Protocol):
    """The consumer behind a member, as its coordinator knows it."""

    @property
    def here(self) -> tuple[str, int]:
        """The life of the process that it belongs to."""
        ...

    @property
    def generation(self) -> int:
        """The generation, or the epoch, that it has heard of last."""
        ...

    @property
    def awake(self) -> bool:
        """Whether it answers at all: its process lives and does not stand still."""
        ...

    def rebalancing(self) -> None:
        """It hears that it has to join again."""
        ...

    def synced(self, generation: int, assignment: tuple[Partition, ...]) -> None:
        """It hears what it is to read."""
        ...

    def out(self, fenced: bool) -> None:
        """It hears, once it is awake, that it is no member any more."""
        ...


@dataclass(slots=True)
class Member:
    """A member. `order` is its id, as ids are sorted; `joined`: it takes part in the next generation."""

    id: str
    order: Order
    client: Client
    strategies: tuple[str, ...]
    subscription: Subscription
    instance: str | None = None
    joined: bool = False
    assignment: tuple[Partition, ...] = ()
    epoch: int = 0  # of the member itself, and what it has yet to give up: KIP-848
    revoking: tuple[Partition, ...] = ()
    released: bool = False


class AnyGroup:
    """What groups of both protocols have: members, an epoch that grows with each rebalance, and offsets."""

    def __init__(self, partitions: Iterable[Partition]) -> None:
        self.offsets = Offsets()
        self.committed = self.offsets.committed
        self.members: dict[str, Member] = {}
        self.generation: int = 0
        self._partitions = tuple(partitions)

    def knows(self, places: Places) -> bool:
        """Whether all these partitions are there."""
        return all((topic, number) in self._partitions for topic, number, _ in places)

    def sorted(self) -> list[Member]:
        """The members in the order of their ids."""
        return sorted(self.members.values(), key=lambda member: member.order)

    def refusal(self, member_id: str, generation: int, instance: str | None = None) -> Failure | None:
        """Why a commit of this member is not taken; None if it is."""
        if not member_id and generation < 0:
            return NOT_A_MEMBER if self.members else None
        member = self.members.get(member_id)
        if member is None:
            return FENCED if self._of_instance(instance) else NOT_A_MEMBER
        return self._refusal(member, generation)

    def _refusal(self, member: Member, generation: int) -> Failure | None:
        raise NotImplementedError

    def _of_instance(self, instance: str | None) -> Member | None:
        """The static member that has this group.instance.id."""
        found = (member for member in self.members.values() if instance and member.instance == instance)
        return next(found, None)


class Group(AnyGroup):
    """One group. `watch` is called with the members that have just been assigned their partitions."""

    def __init__(self, partitions: Iterable[Partition], watch: Callable[["Group", list[Member]], None]) -> None:
        super().__init__(partitions)
        self.state = EMPTY
        self._watch = watch

    def join(self, member: Member) -> Failure | None:
        """A member joins, or joins again (JoinGroup). Nobody is refused."""
        predecessor = self._of_instance(member.instance)
        if predecessor is not None and predecessor.id != member.id and self._replace(predecessor, member):
            return None
        known = self.members.get(member.id)
        if known is not None:
            member.assignment = known.assignment
        self.members[member.id] = member
        member.joined = True
        self._move("a member joins")

    def leave(self, member_id: str, for_now: bool = False) -> None:
        """A member leaves, or its session is over; `for_now`: a static one does not say so when it closes."""
        if not for_now and self.members.pop(member_id, None) is not None:
            self._move("a member leaves")

    def sync(self) -> None:
        """The leader assigns, if it is there: each member hears what it is to read (SyncGroup)."""
        if self.state != COMPLETING or not self._leader.client.awake:
            return
        self.state = MOVES[self.state, "the leader assigns"]
        subscriptions = {member.id: member.subscription for member in self.sorted()}
        assignment = ASSIGNORS[self._strategy](subscriptions, self._partitions)
        for member in self.sorted():
            member.joined = False
            member.assignment = assignment[member.id]
        self._watch(self, self.sorted())
        generation = self.generation
        for member in self.sorted():
            if (
                member.client.awake and generation == self.generation
            ):  # what one hears may begin the next rebalance
                member.client.synced(generation, member.assignment)

    def catch_up(self, member_id: str) -> None:
        """A member that stood still sends its heartbeat, and hears what it has missed."""
        member = self.members[member_id]
        if self.state == PREPARING and not member.joined:
            member.client.rebalancing()
        elif self.state == COMPLETING:
            self.sync()
        elif member.client.generation != self.generation:
            member.client.synced(self.generation, member.assignment)

    def _refusal(self, member: Member, generation: int) -> Failure | None:
        if generation != self.generation:
            return OLD_GENERATION
        return REBALANCING if self.state == COMPLETING else None

    def state_of(self, alive: Callable[[str, int], bool]) -> object:
        """What later rebalances depend on."""
        members = tuple(
            (member.order[:2], alive(*member.client.here), member.joined, member.assignment)
            for member in self.sorted()
        )
        return self.state, self.offsets.state(), members

    def _move(self, event: str) -> None:
        self.state = MOVES.get((self.state, event), self.state)
        if self.state != PREPARING:
            return
        for member in self.sorted():
            if not member.joined and member.client.awake and self.state == PREPARING:
                member.client.rebalancing()
        if self.state != PREPARING or not all(member.joined for member in self.members.values()):
            return
        self.generation += 1
        self.state = MOVES[self.state, "all have joined" if self.members else "nobody is left"]
        self.sync()

    def _replace(self, predecessor: Member, member: Member) -> bool:
        """A static member comes again under another id. Whether there is no need for a rebalance."""
        del self.members[predecessor.id]
        predecessor.client.out(fenced=True)
        self.members[member.id] = member
        member.assignment = predecessor.assignment
        if self.state != STABLE or predecessor.subscription.topics != member.subscription.topics:
            return False
        member.subscription = predecessor.subscription
        member.client.synced(self.generation, member.assignment)
        return True

    @property
    def _leader(self) -> Member:
        return self.sorted()[0]

    @property
    def _strategy(self) -> str:
        members = self.sorted()
        return next(name for name in members[0].strategies if all(name in member.strategies for member in members))
