"""Generated programs on the model: no history has an anomaly, and the checker finds those of a broken model."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.chaos.checker import anomalies
from tests.chaos.on_model import play, play_at_random
from tests.chaos.plans import plan

from unreliable.kafka import log, transactions
from unreliable.kafka.log import Log
from unreliable.kafka.offsets import Offsets
from unreliable.kafka.reading import Reading

PLANS = 250


def found(seeds: range) -> set[str]:
    """The names of the anomalies in the histories of these plans."""
    told = [anomaly for seed in seeds for anomaly in anomalies(plan(str(seed)), play(plan(str(seed))))]
    return {anomaly.partition(":")[0] for anomaly in told}


def test_no_plan_has_an_anomaly_with_its_fault():
    for seed in map(str, range(PLANS)):
        assert anomalies(plan(seed), play(plan(seed))) == [], f"plan {seed}"


def test_no_plan_has_an_anomaly_under_random_schedules():
    for seed in map(str, range(PLANS)):
        for number in range(4):
            history = play_at_random(plan(seed), f"{seed}/{number}")
            assert anomalies(plan(seed), history, lossy=True) == [], f"plan {seed}, schedule {number}"


def test_a_plan_is_the_same_for_the_same_seed():
    assert plan("7") == plan("7") != plan("8")


def test_the_plans_have_all_that_they_can_have():
    plans = [plan(str(seed)) for seed in range(PLANS)]
    faults = {each.fault and (each.fault.request, each.fault.action) for each in plans}
    assert len(faults) == 6
    assert {each.kind for each in plans} == {"plain", "idempotent"}
    assert {transaction.end for each in plans for transaction in each.transactions} == {"commit", "abort", "leave"}
    assert {len(each.members) for each in plans} == {1, 2}
    assert {bool(each.successor) for each in plans} == {True, False}


def _never(*_: Any) -> Any:
    return False


def _forgets_an_append(self: Log, *arguments: Any, **named: Any) -> Any:
    record = _append_once(self, *arguments, **named)
    if record.offset % 5 == 4:
        self._entries[record.offset] = log.Marker(record.offset, "nobody", True)
    return record


def _commits_too_far(self: Offsets, places: Any) -> bool:
    return _commit(self, tuple((topic, number, offset + 1) for topic, number, offset in places))


def _goes_back_once(self: Reading, most: int) -> Any:
    for partition, position in self.positions.items():
        if position == 3 and partition not in self._held:
            self._held = self._held | {partition}
            self.positions[partition] = 1
    held, self._held = self._held, frozenset()
    found = _next(self, most)
    self._held = held
    return found


_append_once, _commit, _next = Log.append_once, Offsets.commit, Reading.next

BROKEN: dict[str, tuple[Any, str, Callable[..., Any] | property]] = {
    "aborted read": (Log, "_aborted", _never),
    "precommitted read": (Log, "stable", property(lambda self: self.end)),
    "duplicate": (log, "known", lambda state, stamp: None),
    "lost write": (Log, "append_once", _forgets_an_append),
    "lost message": (Offsets, "commit", _commits_too_far),
    "nonmonotonic poll": (Reading, "next", _goes_back_once),
}


@pytest.mark.parametrize("anomaly", BROKEN)
def test_the_checker_finds_what_is_wrong_with_a_broken_model(anomaly: str, monkeypatch: pytest.MonkeyPatch):
    owner, name, replacement = BROKEN[anomaly]
    monkeypatch.setattr(owner, name, replacement)
    assert anomaly in found(range(60))


def test_the_checker_finds_what_a_coordinator_that_fences_nobody_does(monkeypatch: pytest.MonkeyPatch):
    def lets_all_in(self: Any, transactional_id: str, epoch: int, ends: bool = False) -> Any:
        return self._ids[transactional_id]

    monkeypatch.setattr(transactions.Coordinator, "_checked", lets_all_in)
    monkeypatch.setattr(log, "known", lambda state, stamp: None)
    assert found(range(60)) & {"torn transaction", "aborted read", "duplicate", "precommitted read"}
