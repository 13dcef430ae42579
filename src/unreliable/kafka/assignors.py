"""Assignors: who of a group reads which partition.

Rules, and where Apache Kafka defines them
- `range`: topic by topic, consecutive partitions to the members in their order, the first of them one more
  (RangeAssignor; with `roundrobin` the default of librdkafka's).
- `roundrobin`: all partitions in their order, one to each member in turn (RoundRobinAssignor).
- `sticky`, `cooperative-sticky`: as even as can be, then as little moved as can be: a member keeps what it had,
  and who has too much gives up its last ones (AbstractStickyAssignor; `sticky` is Java's, librdkafka has only the
  other).
- Members stand in the order of their ids, which begin with their names; static ones in that of their instance ids.
- A partition that moves under the cooperative protocol is nobody's for one generation
  (CooperativeStickyAssignor.adjustAssignment).
- The protocol of an assignor is eager (all is given up before it is assigned anew) or cooperative (only what
  moves): KIP-429.

Left out here: racks, and the sticky assignors' ways to choose among equally good assignments.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from unreliable.kafka.log import Partition


@dataclass(frozen=True, slots=True)
class Subscription:
    """What an assignor knows of a member: the topics that it reads, and the partitions that it had."""

    topics: tuple[str, ...]
    owned: tuple[Partition, ...] = ()


type Subscriptions = dict[str, Subscription]  # by member, in their order
type Assignment = dict[str, tuple[Partition, ...]]


def assign_range(members: Subscriptions, partitions: Iterable[Partition]) -> Assignment:
    """Topic by topic, a share of consecutive partitions to each member."""
    assigned: dict[str, list[Partition]] = {member: [] for member in members}
    by_topic: dict[str, list[Partition]] = {}
    for partition in partitions:
        by_topic.setdefault(partition[0], []).append(partition)
    for topic, found in by_topic.items():
        readers = [member for member, subscription in members.items() if topic in subscription.topics]
        for number, member in enumerate(readers):
            share, extra = divmod(len(found), len(readers))
            first = number * share + min(number, extra)
            assigned[member] += found[first : first + share + (number < extra)]
    return _frozen(assigned)


def assign_roundrobin(members: Subscriptions, partitions: Iterable[Partition]) -> Assignment:
    """One partition to each member in turn; who does not read its topic is passed over."""
    assigned: dict[str, list[Partition]] = {member: [] for member in members}
    turn = list(members)
    for partition in sorted(partitions):
        taker = next((member for member in turn if partition[0] in members[member].topics), None)
        if taker is not None:
            assigned[taker].append(partition)
            position = turn.index(taker) + 1
            turn = turn[position:] + turn[:position]
    return _frozen(assigned)


def assign_sticky(members: Subscriptions, partitions: Iterable[Partition]) -> Assignment:
    """What each had, then the rest to who has least, then from who has most to who has least."""
    assigned: dict[str, list[Partition]] = {member: [] for member in members}
    free = sorted(partitions)
    for member, subscription in members.items():
        for partition in subscription.owned:
            if partition in free and partition[0] in subscription.topics:
                free.remove(partition)
                assigned[member].append(partition)
    for partition in free:
        readers = [member for member in members if partition[0] in members[member].topics]
        if readers:
            assigned[min(readers, key=lambda member: len(assigned[member]))].append(partition)
    while _one_moves(members, assigned):
        pass
    return _frozen(assigned)


def assign_cooperatively(members: Subscriptions, partitions: Iterable[Partition]) -> Assignment:
    """As `sticky`; what another member still has is left out until that has given it up (the next rebalance)."""
    owner = {partition: member for member, subscription in members.items() for partition in subscription.owned}
    return {
        member: tuple(partition for partition in found if owner.get(partition, member) == member)
        for member, found in assign_sticky(members, partitions).items()
    }


def _one_moves(members: Subscriptions, assigned: dict[str, list[Partition]]) -> bool:
    """Moves a partition from who has at least two more than who gets it, if there is such a pair."""
    for giver in sorted(members, key=lambda member: len(assigned[member]))[::-1]:
        for partition in reversed(assigned[giver]):
            readers = [member for member in members if partition[0] in members[member].topics]
            taker = min(readers, key=lambda member: len(assigned[member]))
            if len(assigned[giver]) > len(assigned[taker]) + 1:
                assigned[giver].remove(partition)
                assigned[taker].append(partition)
                return True
    return False


def _frozen(assigned: dict[str, list[Partition]]) -> Assignment:
    return {member: tuple(partitions) for member, partitions in assigned.items()}


ASSIGNORS: dict[str, Callable[[Subscriptions, Iterable[Partition]], Assignment]] = {
    "range": assign_range,
    "roundrobin": assign_roundrobin,
    "sticky": assign_sticky,
    "cooperative-sticky": assign_cooperatively,
}
COOPERATIVE = frozenset({"cooperative-sticky"})
