"""Supplied objects: calls are requests, what they keep lasts, and a process can ask only for what it is handed."""

from typing import Any

import pytest

from unreliable import Anomaly, Process, Program, Scenario, Schedule, World, replay
from unreliable.pipe import Child


class Counter:
    def __init__(self) -> None:
        self.total = 0

    def add(self, amount: int) -> int:
        if amount < 0:
            raise ValueError("only upwards")
        self.total += amount
        return self.total


def scenario(**changes: Any) -> Scenario:
    parts: dict[str, Any] = {
        "name": "counter",
        "processes": (Process("counting", "count", ("counter",)),),
        "check": lambda _: None,
        "supplies": (("counter", Counter),),
    }
    return Scenario(**parts | changes)


def total(world: World) -> Anomaly:
    return Anomaly("stuck", str(world.supplies.objects["counter"].total))


COUNTS = """
async def count(counter):
    assert await counter.add(2) == 2
    assert await counter.add(3) == 5
"""


def test_a_call_is_answered_and_its_effect_lasts():
    run = replay(scenario(check=total), Program(COUNTS))
    assert run.problem is None
    assert run.anomaly == Anomaly("stuck", "5")
    assert [event.text for event in run.trace.events if event.kind == "ask"] == [
        "counting calls counter.add(2): 2",
        "counting calls counter.add(3): 5",
    ]
    assert run.trace.events[-1].state["tables"]["counter"] == {"columns": ["total"], "rows": [["5"]]}


def test_a_crash_does_not_touch_it():
    adds_once = "async def count(counter):\n    await counter.add(1)\n    await counter.add(1)\n"
    crashed = replay(scenario(check=total).with_faults("crash"), Program(adds_once), Schedule.parse("1.1"))
    assert crashed.anomaly == Anomaly("stuck", "3")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("counter.add(-1)", "ValueError: counter.add: only upwards"),
        ("counter.add()", "TypeError: counter.add: missing a required argument: 'amount'"),
        ("counter.total()", "AttributeError: counter has no method 'total'"),
        ("counter._secret()", "AttributeError: counter has no attribute '_secret'"),
        ("counter.add(object())", "TypeError: only plain data travels (numbers, text, bytes, tuples), not object"),
    ],
)
def test_a_call_that_cannot_be_is_an_error_of_the_program(call: str, error: str):
    run = replay(scenario(), Program(f"async def count(counter):\n    await {call}\n"))
    assert run.anomaly is not None
    assert error in run.anomaly.sentence


@pytest.mark.parametrize("method", ["__dir__", "__reduce__", "__class__", "mro"])
def test_only_methods_of_the_object_itself_are_called(method: str):
    source = f"""
async def count(counter):
    ask = type(counter).__getattr__.__globals__["Ask"]
    reply = await ask("counter", {method!r}, ())
    raise ValueError(reply.error)
"""
    run = replay(scenario(), Program(source))
    assert run.anomaly is not None
    assert "ValueError: AttributeError" in run.anomaly.sentence


def test_nobody_asks_for_what_it_is_not_handed():
    spies = scenario(processes=(Process("counting", "count", ("network",)),))
    source = """
async def count(network):
    send = type(network).send
    ask = send.__globals__["Supplied"]("counter")
    await ask.add(1)
"""
    run = replay(spies, Program(source))
    assert run.anomaly is not None
    assert "has no method" in run.anomaly.sentence


def test_another_interpreter_gives_the_same_trace():
    from unreliable import Explorer  # noqa: PLC0415

    program = Program(COUNTS)
    with Child(program) as child, Explorer(scenario(most_values=20), program, child.drive) as explorer:
        there = explorer.replay(Schedule())
    assert there.trace.fingerprint == replay(scenario(most_values=20), program).trace.fingerprint


KEEPS = """
KEPT = []

class Box:
    def __init__(self):
        self.values = {}

async def fill(counter, box):
    for number in range(30):
        await counter.add(1)
        %s

async def count(counter):
    box = Box()
    local = []
    await fill(counter, box)
"""


@pytest.mark.parametrize(
    "line",
    [
        "KEPT.append(number)",
        "box.values[number] = None",
        "fill.__defaults__ = (*(fill.__defaults__ or ()), number)",
        "Box.last = (number, getattr(Box, 'last', None))",
        "globals()[f'name{number}'] = number",
        "KEPT[:] = [1 << (64 * 8 * number)]",
    ],
)
def test_memory_that_grows_is_found(line: str):
    run = replay(scenario(most_values=30), Program(KEEPS % line))
    assert run.anomaly == Anomaly("unbounded memory", "counting keeps more than 30 values in memory.")


def test_memory_that_does_not_grow_is_none_of_our_business():
    run = replay(scenario(most_values=30), Program(KEEPS % "KEPT[:] = [number]"))
    assert run.anomaly is None
