"""The coordinator alone: its states, and which commits it takes in each."""

from typing import Any

import pytest

from unreliable.kafka.assignors import Subscription
from unreliable.kafka.groups import COMPLETING, EMPTY, MOVES, PREPARING, STABLE, Group, Member
from unreliable.requests import Failure

PARTITIONS = (("orders", 0), ("orders", 1))


class Eager:
    """A client that joins again when it is told, unless it is not awake or has something else to do first."""

    def __init__(self, group: Group, name: str, instance: str | None = None) -> None:
        self.group = group
        self.here = (name, 1)
        self.awake = True
        self.busy = False
        self.heard: list[Any] = []
        order = (0, instance, 0, 0) if instance else (1, name, 1, 1)
        self.member = Member(name, order, self, ("range",), Subscription(("orders",)), instance)

    def join(self) -> "Eager":
        self.group.join(self.member)
        return self

    def rebalancing(self) -> None:
        if not self.busy:
            self.join()

    def synced(self, generation: int, assignment: tuple[tuple[str, int], ...]) -> None:
        self.heard.append((generation, [number for _, number in assignment]))

    def out(self, fenced: bool) -> None:
        self.heard.append("fenced" if fenced else "out")


@pytest.fixture
def group() -> Group:
    return Group(PARTITIONS, watch=lambda *_: None)


def code(refusal: Failure | None) -> Any:
    return refusal and refusal.arguments[0]


def test_every_join_makes_a_generation_and_an_assignment(group: Group):
    a = Eager(group, "a").join()
    b = Eager(group, "b").join()
    assert a.heard == [(1, [0, 1]), (2, [0])]
    assert b.heard == [(2, [1])]
    assert group.state == STABLE


def test_a_group_without_members_is_empty(group: Group):
    Eager(group, "a").join()
    group.leave("a")
    assert (group.state, group.members) == (EMPTY, {})


def test_rule_25_while_a_rebalance_is_prepared_the_old_generation_may_commit(group: Group):
    a = Eager(group, "a").join()
    a.busy = True
    Eager(group, "b").join()
    assert group.state == PREPARING
    assert group.refusal("a", 1) is None
    a.join()
    assert code(group.refusal("a", 1)) == 22
    assert group.refusal("a", 2) is None


def test_rule_25_while_the_leader_has_not_assigned_nobody_may_commit(group: Group):
    leader = Eager(group, "a").join()
    leader.busy = True
    b = Eager(group, "b").join()
    leader.join()
    leader.busy, leader.awake = False, False
    group.leave("nobody")
    b.join()
    leader.join()
    assert group.state == COMPLETING
    assert code(group.refusal("b", group.generation)) == 27
    leader.awake = True
    group.sync()
    assert group.state == STABLE
    assert group.refusal("b", group.generation) is None


def test_rule_25_who_is_out_is_unknown(group: Group):
    Eager(group, "a").join()
    Eager(group, "b").join()
    group.leave("a")
    assert code(group.refusal("a", 2)) == 25


def test_rule_22_who_never_joined_may_commit_for_an_empty_group_only(group: Group):
    assert group.refusal("", -1) is None
    Eager(group, "a").join()
    assert code(group.refusal("", -1)) == 25


def test_rule_21_a_static_member_that_comes_again_fences_its_predecessor_without_a_rebalance(group: Group):
    other = Eager(group, "other").join()
    first = Eager(group, "first", instance="one").join()
    again = Eager(group, "again", instance="one").join()
    assert again.heard == [(2, [0])]  # static members come first in the order
    assert first.heard[-1] == "fenced"
    assert len(other.heard) == 2
    assert code(group.refusal("first", 2, "one")) == 82
    assert group.refusal("again", 2, "one") is None


def test_every_state_can_be_reached_and_left():
    states = {EMPTY, PREPARING, COMPLETING, STABLE}
    assert {state for state, _ in MOVES} == states
    assert set(MOVES.values()) == states
