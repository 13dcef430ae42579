"""A learner's file: it is executed afresh, kept inside of the world, and its faults are told with their lines."""

import pytest

from unreliable import Program
from unreliable.program import MOST_JUMPS, MOST_OUTPUT
from unreliable.shims import ADVICE, Refused

PARAMETERS = ("consumer", "db")


def test_each_start_has_globals_of_its_own():
    program = Program("seen = []")
    program.load()["seen"].append("p1")
    assert program.load()["seen"] == []


def test_builtins_that_one_start_changed_are_whole_in_the_next():
    program = Program("n = len([1])\n__builtins__['len'] = lambda _: 9")
    program.load()
    assert program.load()["n"] == 1


@pytest.mark.parametrize(
    ("source", "kind", "line", "said"),
    [
        ("async def consume(consumer, db)\n    pass", "syntax", 1, "expected ':'"),
        ("x = 1", "missing", None, "There is no function `consume`"),
        ("def consume(consumer, db):\n    pass", "signature", 1, "is not an `async def`"),
        ("\nasync def consume(consumer):\n    pass", "signature", 2, "takes (consumer)"),
        ("async def consume(consumer, db):\n    yield", "signature", 1, "is not an `async def`"),
        ("\n\nimport socket", "refused", 3, "`import socket` is not available here"),
        ("x = 1\nopen('notes.txt')", "refused", 2, "`open` is not available here"),
        ("\nexit()", "exit", 2, "asked Python to exit"),
        ("def f():\n    f()\nf()", "crashed", 2, "recursion is too deep"),
        ("x = 1 / 0", "crashed", 1, "ZeroDivisionError: division by zero"),
        ("x = 1\nraise MemoryError", "memory", 2, "used up its memory"),
        ("class E(Exception):\n    def __str__(self):\n        1 / 0\nraise E", "crashed", 4, "cannot be shown"),
    ],
)
def test_a_program_that_cannot_run_is_told_why_and_where(source: str, kind: str, line: int | None, said: str):
    problem = Program(source).problem("consume", PARAMETERS)
    assert problem is not None
    assert (problem.kind, problem.line) == (kind, line)
    assert said in problem.message
    assert problem.advice


@pytest.mark.parametrize(
    "source",
    [
        "async def consume(consumer, db):\n    pass",
        "async def consume(consumer, db, clock):\n    pass",
        "import functools\n\ndef logs(f):\n    @functools.wraps(f)\n    async def g(*a):\n        await f(*a)\n"
        "    return g\n\n@logs\nasync def consume(consumer, db):\n    pass",
    ],
)
def test_a_program_that_can_run_has_no_problem(source: str):
    assert Program(source).problem("consume", PARAMETERS) is None


@pytest.mark.parametrize(
    "loop",
    [
        "while True: pass",
        "while True:\n    try:\n        pass\n    except Exception:\n        pass",
        "try:\n    while True: pass\nexcept BaseException:\n    pass",
        "def spin():\n    while True: pass\nspin()",
        "for _ in iter(int, 1): pass",
    ],
)
def test_an_endless_loop_is_stopped_even_where_it_is_caught(loop: str):
    problem = Program(loop).problem("consume", PARAMETERS)
    assert problem is not None
    assert problem.kind == "endless"
    assert f"{MOST_JUMPS:,} rounds" in problem.message


def test_what_would_reach_around_the_world_is_refused_with_what_to_use():
    for name, advice in ADVICE.items():
        with pytest.raises(Refused) as refused:
            Program(f"import {name}").load()
        assert refused.value.advice == advice


def test_the_client_libraries_have_their_own_names():
    program = Program(
        "from confluent_kafka.aio import AIOConsumer\nimport psycopg\nE = psycopg.errors.UniqueViolation"
    )
    loaded = program.load()
    assert loaded["AIOConsumer"].__name__ == "AIOConsumer"
    assert issubclass(loaded["E"], loaded["psycopg"].IntegrityError)


def test_clock_and_chance_are_the_worlds_and_looking_at_them_is_noticed():
    source = "import random, time, uuid\nseen = (time.time(), random.random(), uuid.uuid4())"
    one, other = Program(source), Program(source)
    one.shims.now_ms = other.shims.now_ms = 1_500
    assert not one.shims.observed
    assert one.load()["seen"] == other.load()["seen"]
    assert one.load()["seen"][0] == 1.5
    assert one.shims.observed


def test_what_is_printed_is_kept_up_to_a_limit_and_only_when_asked_for():
    program = Program(f"print('one', 2, sep='-')\nprint('x' * {MOST_OUTPUT})\nprint('more')")
    program.load()
    assert program.output.text == ""
    program.output.collecting = True
    program.load()
    assert program.output.text.startswith("one-2\nxxx")
    assert len(program.output.text) == MOST_OUTPUT
    assert program.output.problem is not None
    assert program.output.problem.line == 2
