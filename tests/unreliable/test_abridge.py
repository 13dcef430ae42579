"""Which events of a long story are told."""

from typing import Any

from unreliable.abridge import MOST, abridge
from unreliable.trace import Event


def event(step: int, kind: str = "write", process: str = "consumer", **more: Any) -> Event:
    fields = {"line": None, "text": kind, "label": kind, "to": None, "lost": None, "state": {}}
    return Event(step, step, process, kind, **(fields | more))


def rounds(count: int) -> list[Event]:
    """Records, each of them read, written and committed."""
    kinds = ("poll", "begin", "write", "commit", "commit offset")
    return [event(step, kinds[step % 5]) for step in range(5 * count)]


def changes(events: list[Event]) -> set[int]:
    return {one.step for one in events if one.kind.startswith("commit")}


def test_a_short_story_is_told_as_it_is():
    events = rounds(3)
    assert abridge(events, set()) == events


def test_a_long_one_keeps_its_end_and_its_order():
    events = rounds(20)
    told = abridge(events, changes(events))
    assert len(told) == MOST
    assert told == sorted(told, key=lambda one: one.step)
    assert {"poll", "write", "commit", "commit offset"} <= {one.kind for one in told if one.step >= 95}
    counts = [sum(one.step // 5 == turn for one in told) for turn in range(20)]
    assert counts == sorted(counts)


def test_a_fault_is_told_however_far_from_the_end_and_what_is_near_to_it():
    events = rounds(20)
    events[22] = event(22, "crash")
    told = [one.step for one in abridge(events, changes(events))]
    assert 22 in told
    assert {18, 19, 20, 23, 24} <= set(told)


def test_of_equals_the_later_are_told():
    events = [event(step) for step in range(40)]
    assert [one.step for one in abridge(events, set())] == list(range(25, 40))
