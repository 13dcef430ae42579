"""KIP-848: members go to their targets by themselves, step by step, and nobody waits for all."""

from typing import Any

import pytest

from unreliable.kafka.assignors import Subscription
from unreliable.kafka.groups import Member
from unreliable.kafka.modern_groups import ModernGroup
from unreliable.requests import Failure

PARTITIONS = tuple(("orders", number) for number in range(4))


class Heartbeats:
    """A client that says what it has when it is told to: `says` beats with what it has now."""

    def __init__(self, group: ModernGroup, name: str, instance: str | None = None) -> None:
        self.group = group
        self.here = (name, 1)
        self.awake = True
        self.generation = 0
        self.name = name
        self.instance = instance
        self.heard: list[tuple[int, list[int]]] = []
        self.owned: tuple[tuple[str, int], ...] = ()

    def beats(self, epoch: int | None = None) -> Failure | None:
        order = (0, self.instance, 0, 0) if self.instance else (1, self.name, 1, 1)
        subscription = Subscription(("orders",), self.owned)
        member = Member(self.name, order, self, (), subscription, self.instance)
        member.epoch = self.generation if epoch is None else epoch
        return self.group.join(member)

    def has(self, *numbers: int) -> "Heartbeats":
        self.owned = tuple(("orders", number) for number in numbers)
        assert self.beats() is None
        return self

    def rebalancing(self) -> None:
        raise AssertionError("nobody has to join again")

    def synced(self, generation: int, assignment: tuple[tuple[str, int], ...]) -> None:
        self.generation = generation
        self.heard.append((generation, [number for _, number in assignment]))

    def out(self, fenced: bool) -> None:
        raise AssertionError("nobody is fenced by another")


@pytest.fixture
def group() -> ModernGroup:
    return ModernGroup(PARTITIONS, watch=lambda *_: None)


def code(refusal: Failure | None) -> Any:
    return refusal and refusal.arguments[0]


def test_rule_29_the_epoch_stands_still_until_what_moves_has_been_given_up(group: ModernGroup):
    a = Heartbeats(group, "a").has().has(0, 1, 2, 3)
    b = Heartbeats(group, "b").has()
    assert group.generation == 2
    assert a.heard == [(1, [0, 1, 2, 3]), (1, [0, 1])]
    assert b.heard == [(2, [])]
    a.has(0, 1)
    assert a.heard[-1] == (2, [0, 1])
    assert sorted(b.heard[-1][1]) == [2, 3]


def test_who_gives_nothing_up_waits_for_nobody(group: ModernGroup):
    a = Heartbeats(group, "a").has().has(0, 1, 2, 3)
    b = Heartbeats(group, "b").has()
    c = Heartbeats(group, "c").has()
    assert group.generation == 3
    assert a.heard[-1][0] == 1, "it has not said that it has given anything up"
    assert (b.heard[-1], c.heard[-1]) == ((3, []), (3, []))
    a.has(0, 1)
    assert len(b.heard[-1][1]) + len(c.heard[-1][1]) == 2


def test_what_was_given_up_goes_on_at_once_although_another_is_slow(group: ModernGroup):
    a = Heartbeats(group, "a").has().has(0, 1, 2, 3)
    b = Heartbeats(group, "b").has()
    a.has(0, 1)
    b.has(2, 3)
    c = Heartbeats(group, "c").has()
    moved = [1, *[number for number in (2, 3) if number not in b.heard[-1][1]]]
    assert c.heard[-1][1] == [], "the others still have all"
    a.has(*a.heard[-1][1])
    b.has(*b.heard[-1][1])
    assert c.heard[-1][1]
    assert set(c.heard[-1][1]) <= set(moved)


def test_rule_29_a_commit_needs_the_epoch_of_the_member(group: ModernGroup):
    Heartbeats(group, "a").has()
    assert group.refusal("a", 1) is None
    assert code(group.refusal("a", 0)) == 113
    assert code(group.refusal("b", 1)) == 25


def test_rule_29_a_heartbeat_with_another_epoch_is_fenced(group: ModernGroup):
    a = Heartbeats(group, "a").has()
    assert code(a.beats(epoch=7)) == 110
    assert a.beats(epoch=0) is None


def test_rule_29_the_place_of_a_static_member_is_free_when_it_has_left(group: ModernGroup):
    Heartbeats(group, "first", instance="one").has()
    again = Heartbeats(group, "again", instance="one")
    assert code(again.beats()) == 111
    group.leave("first", for_now=True)
    assert again.beats() is None
    assert again.heard == [(1, [0, 1, 2, 3])]
    assert group.generation == 1, "nobody else had to move"


def test_who_stands_still_keeps_what_it_has_until_its_session_is_over(group: ModernGroup):
    a = Heartbeats(group, "a").has().has(0, 1, 2, 3)
    a.awake = False
    b = Heartbeats(group, "b").has()
    assert b.heard == [(2, [])]
    group.leave("a")
    assert sorted(b.heard[-1][1]) == [0, 1, 2, 3]
