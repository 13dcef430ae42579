"""A process in another interpreter: the same requests, the same traces, and nothing else comes through."""

from pathlib import Path

import pytest

from course.catalog import Exercise
from course.grading import scenario_of
from unreliable import Explorer, Program, Schedule
from unreliable.pipe import Child
from unreliable.requests import Execute, Failure, Poll, Record, Rows
from unreliable.wire import MOST_BYTES, WireError, decode, encode

EXERCISE = Exercise("03-idempotency/dedup_consumer")
FAULTY = scenario_of(EXERCISE).with_faults("crash", "lose", "error")


def program(path: Path) -> Program:
    return Program(path.read_text("utf-8"), "dedup_consumer.py")


@pytest.mark.parametrize("path", [EXERCISE.starter, EXERCISE.solution], ids=["starter", "solution"])
@pytest.mark.parametrize("token", ["faultless", "8.1", "0.1", "0.1-10.1", "9.1-14.1"])
def test_a_schedule_gives_the_same_trace_over_a_pipe(path: Path, token: str):
    beside, over = program(path), program(path)
    schedule = Schedule.parse(token)
    with Explorer(FAULTY, beside) as explorer:
        here = explorer.replay(schedule)
    with Child(over) as child, Explorer(FAULTY, over, child.drive) as explorer:
        there = explorer.replay(schedule)
    assert len(here.trace.events) > 10
    assert here.trace.fingerprint == there.trace.fingerprint
    assert here.anomaly == there.anomaly


def test_an_exploration_over_a_pipe_finds_the_same():
    beside, over = program(EXERCISE.starter), program(EXERCISE.starter)
    with Explorer(FAULTY, beside) as explorer:
        here = explorer.explore(2)
    with Child(over) as child, Explorer(FAULTY, over, child.drive) as explorer:
        there = explorer.explore(2)
    assert (here.token, here.run, here.anomaly) == (there.token, there.run, there.anomaly)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("async def consume(consumer, db):\n    raise SystemExit(0)\n", "asked Python to exit"),
        (
            "import json\nasync def consume(consumer, db):\n    json.codecs.sys.modules['os']._exit(0)\n",
            "has ended",
        ),
    ],
)
def test_a_child_that_ends_is_a_problem_of_the_program(source: str, said: str):
    ending = Program(source)
    with Child(ending) as child, Explorer(FAULTY, ending, child.drive) as explorer:
        replay = explorer.replay(Schedule())
    assert replay.anomaly is not None
    assert replay.anomaly.name == "stuck"
    assert said in replay.anomaly.sentence


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text \ud800",
        b"\x00\xff",
        (1, 2.5, True, ("nested", b"")),
        Poll(None),
        Execute("SELECT %s", ("x", None, 3)),
        Record("payments", 0, 7, b"key", None, (("id", b"1"),)),
        Rows(1, ("id",), ((1,),)),
        Failure("OperationalError", ("gone",)),
    ],
    ids=repr,
)
def test_what_crosses_the_wire_comes_back_equal(value: object):
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no JSON\n",
        b'{"is": "Explorer"}\n',
        b'{"is": "Poll", "wrong": 1}\n',
        b'{"bytes": "xyz"}\n',
        b'[{"anything": 1}]\n',
        b'{"is": "Poll", "timeout_ms": "1", "most": null}\n',
        b'{"is": "Poll", "timeout_ms": true, "most": null}\n',
        b'{"is": "Poll", "timeout_ms": -1, "most": null}\n',
        b'{"is": "Sleep", "duration_ms": 1e300}\n',
        b'{"is": "Poll"}\n',
        b'{"is": ["Poll"]}\n',
        b'{"is": "Execute", "sql": "SELECT 1", "parameters": [{"is": "Begin"}]}\n',
        b'{"is": "CommitOffsets", "offsets": [["payments", 0]]}\n',
        b'{"is": "Problem", "kind": 1, "line": null, "message": "", "advice": ""}\n',
        b"1" * 10_000 + b"\n",
        b"[" * 100_000 + b"\n",
        b'"' + b"x" * MOST_BYTES + b'"\n',
    ],
    ids=lambda line: line[:20],
)
def test_nonsense_is_refused(line: bytes):
    with pytest.raises(WireError):
        decode(line)


@pytest.mark.parametrize("value", [object(), {1, 2}, "x" * MOST_BYTES], ids=lambda value: type(value).__name__)
def test_what_may_not_cross_is_refused(value: object):
    with pytest.raises(WireError):
        encode(value)
