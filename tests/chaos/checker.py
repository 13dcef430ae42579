"""What a history may not show, whoever made it: the anomalies of a log, by Jepsen's names for them.

- lost write: what was acknowledged, or committed, is not in the log
- aborted read (G1a): something was read of a transaction that was aborted
- precommitted read: something was read before its producer had asked to commit it
- torn transaction: some of it is there, some is not
- duplicate: what was sent once, idempotently, is there twice
- inconsistent offset: there are two values at one offset
- nonmonotonic send: values of one producer stand in another order than they were sent in
- nonmonotonic poll, poll skip: a consumer goes back, or over something, while it keeps its partitions
- lost message: a group has committed an offset, and nobody in it has read what is before

Most names are from Jepsen's analyses of Redpanda and Bufstream; G1a is Adya's.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.chaos.plans import ABORT, COMMIT, LEAVE, PLAIN, Plan

type Event = tuple[Any, ...]


def anomalies(plan: Plan, history: list[Event], lossy: bool = False) -> list[str]:
    """All that is wrong with the history of a plan. `lossy`: acknowledgements of messages may have been lost."""
    return list(_History(plan, history, lossy).anomalies())


class _History:
    def __init__(self, plan: Plan, events: list[Event], lossy: bool) -> None:
        self._plan = plan
        lossy = lossy or (plan.fault is not None and plan.fault.request == "Produce")
        self._resends = plan.kind == PLAIN and lossy  # then plain messages may be there twice, in any order
        self._events = events
        self.final = [event[1:] for event in events if event[0] == "final"]  # (partition, offset, value)
        self.reads = [event for event in events if event[0] == "read"]
        self._there = {value for _, _, value in self.final}
        transactions = (*plan.transactions, *plan.successor)
        self._values = {each.name: [value for value, _ in each.values] for each in transactions}
        self._ends = {each.name: each.end for each in transactions}
        self._ended = {event[1]: event[2] for event in events if event[0] == "ended"}
        self._sent = {event[2] for event in events if event[0] == "sent"}

    def anomalies(self) -> Iterator[str]:
        yield from self._of_writes()
        yield from self._of_transactions()
        yield from self._of_offsets()
        for reader, session in sorted({event[1:3] for event in self.reads}):
            for partition in range(self._plan.partitions):
                yield from self._of_polls(reader, session, partition)
        yield from self._of_the_group()

    def _of_writes(self) -> Iterator[str]:
        for event in self._events:
            if event[0] == "sent" and event[4] is not None and event[2] not in self._there:
                yield f"lost write: {event[2]} was acknowledged at {event[3:5]}"
        counts = Counter(value for _, _, value in self.final)
        plain = {value for value, _ in self._plan.values}
        for value, count in counts.items():
            if count > 1 and not (self._resends and value in plain):
                yield f"duplicate: {value} stands {count} times in the log"
        orders = [*self._values.values(), [value for value, _ in self._plan.values]]
        places = {value: (partition, offset) for partition, offset, value in reversed(self.final)}
        for order in orders:
            for partition in range(self._plan.partitions):
                offsets = [places[v][1] for v in order if v in places and places[v][0] == partition]
                if offsets != sorted(offsets) and not self._resends:
                    yield f"nonmonotonic send: {order} stand at {offsets} of partition {partition}"

    def _of_transactions(self) -> Iterator[str]:
        asked: set[str] = set()
        for event in self._events:
            if event[0] == "ends" and event[2] == COMMIT:
                asked |= set(self._values[event[1]])
            if event[0] == "read" and event[5] in self._transactional and event[5] not in asked:
                yield f"precommitted read: {event[1]} read {event[5]} before it was to be committed"
        for value in sorted(self._there & self._transactional - asked):
            yield f"precommitted read: {value} was never to be committed"
        read = self._there | {event[5] for event in self.reads}
        for name, values in self._values.items():
            there = [value for value in values if value in self._there]
            if self._ends[name] in {ABORT, LEAVE} and read & set(values):
                yield f"aborted read: {sorted(read & set(values))} of {name}"
            if self._ends[name] == COMMIT and self._ended.get(name) == "ok" and there != values:
                yield f"lost write: of {name}, which was committed, there are only {there}"
            if there and there != values:
                yield f"torn transaction: of {name} there are only {there}"

    @property
    def _transactional(self) -> set[str]:
        return {value for values in self._values.values() for value in values}

    def _of_offsets(self) -> Iterator[str]:
        known: dict[tuple[int, int], str] = {}
        told = [
            (event[3], event[4], event[2]) for event in self._events if event[0] == "sent" and event[4] is not None
        ]
        for partition, offset, value in (*told, *self.final, *(event[3:] for event in self.reads)):
            if known.setdefault((partition, offset), value) != value:
                yield f"inconsistent offset: {value} and {known[partition, offset]} at {offset} of {partition}"

    def _of_polls(self, reader: str, session: int, partition: int) -> Iterator[str]:
        mine = [event[4] for event in self.reads if event[1:4] == (reader, session, partition)]
        there = {offset for number, offset, _ in self.final if number == partition}
        for before, after in pairwise(mine):
            if after <= before:
                yield f"nonmonotonic poll: {reader} read {after} after {before} of {partition}"
            skipped = sorted(offset for offset in there if before < offset < after)
            if skipped:
                yield f"poll skip: {reader} read {after} after {before} of {partition}, and not {skipped}"

    def _of_the_group(self) -> Iterator[str]:
        read = {event[3:5] for event in self.reads}
        for event in self._events:
            if event[0] == "group":
                _, partition, committed = event
                missed = [offset for number, offset, _ in self.final if number == partition and offset < committed]
                missed = [offset for offset in missed if (partition, offset) not in read]
                if missed:
                    yield f"lost message: {committed} of {partition} is committed, and nobody has read {missed}"
