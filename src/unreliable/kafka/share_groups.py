"""Share groups: each record is handed out, locked and acknowledged by itself (KIP-932).

Rules, and where Apache Kafka defines them (KIP-932; SharePartition; the numbers are those of the tests)
- 32. A record is in one of the states of `MOVES`. A poll acquires what is available: while its lock lasts nobody
  else is given it. Each time its delivery count grows. What was delivered `SUSPECT` times comes alone, so that
  nothing else fails with it.
- Whoever has acquired it accepts it, releases it for another delivery, or rejects it for good. After `DELIVERIES`
  deliveries it is archived, too, instead of being handed out again: nothing else says so.
- When the lock's time is over, the record is available again; an acknowledgement that comes then, or comes from
  somebody else, fails (INVALID_RECORD_STATE, 121), and the work was for nothing or is done twice. If the record
  and all before it are done with, it is passed over in silence, and nobody hears of work that was done twice.
- What a process has acquired is released when it closes its consumer, or when its connection breaks: as it does
  when the process crashes, and not when it stands still.
- Every member reads every partition: there is no order, and no rebalance that anybody would have to hear of.

`group.share.record.lock.duration.ms` is 30 s and `group.share.delivery.count.limit` 5, as in Kafka. A group begins
with the first record (`share.auto.offset.reset=earliest`; Kafka's default is latest).

Left out here: the assignor (in large groups each member reads some of the partitions), acknowledgements that get
lost on their way, and records that are written in transactions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from unreliable.kafka.log import Log, Partition
from unreliable.requests import Record

DELIVERIES = 5
SUSPECT = 3  # SharePartition.throttleRecordsDeliveryLimit

AVAILABLE, ACQUIRED, ACKNOWLEDGED, ARCHIVED = "Available", "Acquired", "Acknowledged", "Archived"

# (state, what happens): the next state. Released for the last time, a record is archived.
MOVES = {
    (AVAILABLE, "acquire"): ACQUIRED,
    (ACQUIRED, "accept"): ACKNOWLEDGED,
    (ACQUIRED, "release"): AVAILABLE,
    (ACQUIRED, "reject"): ARCHIVED,
    (ACQUIRED, "its lock is over"): AVAILABLE,
}

ACKNOWLEDGEMENTS = ("accept", "release", "reject")

type Member = tuple[str, int]  # a life of a process
type Place = tuple[str, int, int]


@dataclass(slots=True)
class Delivery:
    """What has become of one record: its state, how often it was handed out, and to whom last."""

    state: str = AVAILABLE
    count: int = 0
    member: Member | None = None
    until_ms: int = 0  # of its lock

    def move(self, event: str) -> None:
        self.state = MOVES[self.state, event]
        if self.state == AVAILABLE and self.count >= DELIVERIES:
            self.state = ARCHIVED


@dataclass(slots=True)
class ShareGroup:
    """One group, and the deliveries of every record that was ever handed out in it."""

    logs: dict[Partition, Log]
    deliveries: dict[Place, Delivery] = field(default_factory=dict[Place, Delivery])
    held: int = 0  # how many are locked

    def acquire(self, member: Member, topics: tuple[str, ...], until_ms: int) -> Iterator[tuple[Record, int]]:
        """Locks all that is available: each record with its delivery count. A suspect one comes alone."""
        given = alone = False
        for partition, log in self.logs.items():
            if partition[0] not in topics:
                continue
            for record in log:
                delivery = self.deliveries.setdefault((*partition, record.offset), Delivery())
                suspect = delivery.count >= SUSPECT
                if delivery.state != AVAILABLE or alone or (suspect and given):
                    continue
                delivery.move("acquire")
                delivery.count += 1
                delivery.member, delivery.until_ms = member, until_ms
                given, alone = True, suspect
                yield record, delivery.count

    def acknowledge(self, member: Member, place: Place, kind: str) -> bool:
        """Accepts, releases or rejects a record; False if it is not this member's, or not any more.

        Of what lies before the first record that is not done with nothing is said.
        """
        if self._all_done_up_to(place):
            return True
        if kind not in ACKNOWLEDGEMENTS or not self.holds(member, place):
            return False
        self.deliveries[place].move(kind)
        return True

    def _all_done_up_to(self, place: Place) -> bool:
        topic, number, offset = place
        places = ((topic, number, earlier.offset) for earlier in self.logs.get((topic, number), ()))
        states = (self.deliveries.get(each, Delivery()).state for each in places if each[2] <= offset)
        return (topic, number) in self.logs and all(state in {ACKNOWLEDGED, ARCHIVED} for state in states)

    def holds(self, member: Member, place: Place) -> bool:
        """Whether this member has acquired the record, and its lock lasts."""
        delivery = self.deliveries.get(place)
        return delivery is not None and (delivery.state, delivery.member) == (ACQUIRED, member)

    def over(self, member: Member, place: Place, count: int) -> bool:
        """The time of the lock of this delivery is over; whether the record was still locked."""
        if not self.holds(member, place) or self.deliveries[place].count != count:
            return False
        self.deliveries[place].move("its lock is over")
        return True

    def release_all(self, member: Member) -> bool:
        """The member is gone; whether it had anything."""
        mine = [place for place in self.deliveries if self.holds(member, place)]
        for place in mine:
            self.deliveries[place].move("release")
        return bool(mine)

    def unfinished(self, topic: str) -> int:
        """How many records of the topic are neither acknowledged nor archived."""
        places = ((*partition, record.offset) for partition, log in self.logs.items() for record in log)
        ended = {ACKNOWLEDGED, ARCHIVED}
        states = (self.deliveries.get(place, Delivery()).state for place in places if place[0] == topic)
        return sum(state not in ended for state in states)

    def archived(self, topic: str) -> list[Place]:
        """The records of the topic that were given up: rejected, or delivered too often."""
        return [
            place
            for place, found in sorted(self.deliveries.items())
            if (place[0], found.state) == (topic, ARCHIVED)
        ]

    def state(self, now_ms: int) -> object:
        """What later deliveries depend on."""
        return tuple(
            (place, found.state, found.count, _lock(found, now_ms))
            for place, found in sorted(self.deliveries.items())
            if found.count
        )


def _lock(delivery: Delivery, now_ms: int) -> tuple[str, int] | None:
    """Who has the record, and for how long yet."""
    if delivery.state != ACQUIRED or delivery.member is None:
        return None
    return delivery.member[0], delivery.until_ms - now_ms
