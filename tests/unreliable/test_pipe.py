"""A process in another interpreter: the same requests, the same traces, and nothing else comes through."""

import socket
from pathlib import Path

import pytest

from course.catalog import Exercise
from course.grading import scenario_of
from unreliable import Explorer, Program, Schedule
from unreliable.pipe import Child, Interpreter, RemoteProgram, fresh
from unreliable.process import Ended
from unreliable.requests import Execute, Failure, Poll, Record, Rows, Send, Sleep
from unreliable.scenario import Process
from unreliable.wire import MOST_BYTES, WireError, decode, encode
from unreliable.world import Drive

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


class Counted(Interpreter):
    """A child whose questions are counted."""

    asked = 0

    class Stream(socket.socket):
        def sendall(self, data: bytes, *_: int) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
            Counted.asked += data.count(b"\n")
            super().sendall(data)

    def __init__(self) -> None:
        super().__init__()
        self.stream = Counted.Stream(fileno=self.stream.detach())


def explored(program: Program, drive: Drive | None = None) -> tuple[object, ...]:
    with Explorer(FAULTY, program, drive) as explorer:
        verdict = explorer.explore(2)
    return verdict.token, verdict.run, verdict.covered, verdict.anomaly


def test_what_a_child_has_answered_once_it_is_not_asked_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Counted, "asked", 0)
    with Child(program(EXERCISE.solution), Counted) as child:
        first = explored(child.program, child.drive)
        asked, runs = Counted.asked, first[1]
        assert asked < 20 * runs  # each has about thirty awaits
        assert explored(child.program, child.drive) == first
        assert Counted.asked == asked


def test_what_is_forgotten_is_asked_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("unreliable.answers.MOST_BYTES", 10_000)
    with Child(program(EXERCISE.solution)) as child:
        assert explored(child.program, child.drive) == explored(program(EXERCISE.solution))


FICKLE = "import json\nlives = json.__dict__.setdefault('lives', [])\n"


def fickle(path: Path) -> str:
    """Its statements have another comment in each life."""
    source = path.read_text("utf-8")
    assert '"INSERT' in source
    source = source.replace('"INSERT', 'f"/* {len(lives)} */ INSERT')
    return FICKLE + source.replace("    while True:", "    lives.append(1)\n    while True:", 1)


def test_a_program_that_answers_otherwise_is_asked_everything():
    path = EXERCISE.solution
    with Child(Program(fickle(path))) as child:
        assert explored(child.program, child.drive) == explored(program(path))
        assert child.program.fickle
    with Child(program(path)) as child:
        explored(child.program, child.drive)
        assert not child.program.fickle


def test_real_deaths_need_no_more_interpreters_than_differ():
    steady = RemoteProgram(EXERCISE.solution.read_text("utf-8"), "x.py", Interpreter)
    started = 0

    def connect() -> Interpreter:
        nonlocal started
        started += 1
        return Interpreter()

    with Explorer(FAULTY, steady, steady.drive) as explorer:
        assert explorer.explore(1).passed
        assert explorer.die_for_real(fresh(steady, connect)) is None
        first = started
        assert 0 < first < 20
        assert explorer.die_for_real(fresh(steady, connect)) is None
        assert started == first
    steady.close()


@pytest.mark.parametrize(("dying", "said"), [("range(5_000_000)", "Sleep"), ("iter(int, 1)", "endless")])
def test_a_life_waits_for_what_another_interpreter_is_still_at(
    dying: str, said: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("unreliable.pipe.PATIENCE_S", 2)
    source = f"""
async def relay(clock):
    try:
        await clock.sleep(1)
    finally:
        sum({dying})
"""
    slow, relay = RemoteProgram(source, "x.py", Interpreter), Process("relay", "relay", ("clock",))
    first = slow.drive(relay, 1)
    assert isinstance(first.resume(0, None), Sleep)
    first.kill()
    second = fresh(slow)(relay, 2)
    assert not slow.child("relay")._has_orders
    answer = second.resume(0, None)
    second.kill()
    slow.close()
    assert said == (answer.problem.kind if isinstance(answer, Ended) and answer.problem else type(answer).__name__)


def test_questions_that_fill_the_socket_are_put_in_turns():
    source = "async def relay(network):\n  while True:\n    await network.send('other', await network.receive())\n"
    wordy, relay = RemoteProgram(source, "x.py", Interpreter), Process("relay", "relay", ("network",))
    letter = "x" * 20_000
    for life in (1, 2):
        driver = wordy.drive(relay, life) if life == 1 else fresh(wordy)(relay, 1)
        said = [driver.resume(0, reply) for reply in (None, *(letter, None) * 60)]
        assert said[-2] == Send("other", letter)
        driver.kill()
    assert not wordy.fickle
    assert not wordy.out_of_time
    wordy.close()


def test_what_only_a_life_that_died_for_real_has_said_the_others_are_asked():
    source = "import json\nstate = json.__dict__.setdefault('state', [])\n"
    source += "async def relay(clock):\n    state.append(1)\n    await clock.sleep(len(state))\n"
    sly, relay = RemoteProgram(source, "x.py", Interpreter), Process("relay", "relay", ("clock",))
    sly.drive(relay, 1).resume(0, None)
    before = sly.said_alone
    assert fresh(sly)(relay, 2).resume(0, None) == Sleep(1000)
    assert sly.said_alone == before + 1
    assert fresh(sly)(relay, 2).resume(0, None) == Sleep(1000)
    assert sly.said_alone == before + 2
    assert sly.drive(relay, 2).resume(0, None) == Sleep(2000)
    assert sly.fickle
    sly.close()


def test_the_time_of_a_program_counts_what_is_not_asked_too():
    late = RemoteProgram(EXERCISE.solution.read_text("utf-8"), "x.py", Interpreter)
    with Explorer(FAULTY, late, late.drive) as explorer:
        assert explorer.explore(1).passed
        for child in late._children.values():
            child._deadline = 0
        late.deadline = 0
        verdict = explorer.explore(1)
        assert verdict.problem is not None
        assert verdict.problem.kind == "endless"
        real = explorer.die_for_real(fresh(late, Interpreter))
        assert real is not None
        assert real.anomaly is not None
        assert real.anomaly.name == "stuck"
    late.close()


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
