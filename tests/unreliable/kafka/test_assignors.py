"""Who reads which partition: balance, order, and what stays where it was."""

import pytest

from unreliable.kafka.assignors import ASSIGNORS, Subscription


def partitions(count: int, topic: str = "orders") -> tuple[tuple[str, int], ...]:
    return tuple((topic, number) for number in range(count))


def members(**owned: tuple[int, ...]) -> dict[str, Subscription]:
    """Members that all read `orders`, with the numbers of the partitions that each had."""
    return {
        name: Subscription(("orders",), tuple(("orders", number) for number in numbers))
        for name, numbers in owned.items()
    }


def numbers(assignment: dict[str, tuple[tuple[str, int], ...]]) -> dict[str, list[int]]:
    return {member: [number for _, number in found] for member, found in assignment.items()}


def test_range_gives_consecutive_partitions_and_the_first_members_one_more():
    found = ASSIGNORS["range"](members(a=(), b=(), c=()), partitions(5))
    assert numbers(found) == {"a": [0, 1], "b": [2, 3], "c": [4]}


def test_range_begins_anew_with_each_topic():
    both = Subscription(("orders", "refunds"))
    found = ASSIGNORS["range"]({"a": both, "b": both}, (*partitions(1), *partitions(1, "refunds")))
    assert found == {"a": (("orders", 0), ("refunds", 0)), "b": ()}


def test_roundrobin_goes_on_with_the_next_topic():
    both = Subscription(("orders", "refunds"))
    found = ASSIGNORS["roundrobin"]({"a": both, "b": both}, (*partitions(1), *partitions(1, "refunds")))
    assert found == {"a": (("orders", 0),), "b": (("refunds", 0),)}


def test_roundrobin_passes_over_who_does_not_read_the_topic():
    who = {"a": Subscription(("orders",)), "b": Subscription(("refunds",)), "c": Subscription(("orders",))}
    found = ASSIGNORS["roundrobin"](who, partitions(3))
    assert numbers(found) == {"a": [0, 2], "b": [], "c": [1]}


@pytest.mark.parametrize("name", ["range", "roundrobin", "sticky"])
def test_every_partition_has_one_reader(name: str):
    found = ASSIGNORS[name](members(a=(0, 1), b=(3,), c=()), partitions(7))
    assert sorted(partition for each in found.values() for partition in each) == list(partitions(7))


def test_sticky_moves_no_more_than_balance_asks_for():
    found = ASSIGNORS["sticky"](members(a=(0, 1), b=(2, 3), c=()), partitions(4))
    assert numbers(found) == {"a": [0, 1], "b": [2], "c": [3]}


def test_sticky_leaves_what_is_balanced_although_the_order_is_another():
    found = ASSIGNORS["sticky"](members(a=(1,), b=(0,)), partitions(2))
    assert numbers(found) == {"a": [1], "b": [0]}


def test_what_moves_cooperatively_is_nobodys_for_one_generation():
    found = ASSIGNORS["cooperative-sticky"](members(a=(0, 1), b=()), partitions(2))
    assert numbers(found) == {"a": [0], "b": []}
    found = ASSIGNORS["cooperative-sticky"](members(a=(0,), b=()), partitions(2))
    assert numbers(found) == {"a": [0], "b": [1]}
