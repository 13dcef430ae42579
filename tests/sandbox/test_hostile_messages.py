"""Whatever a child says, the judge answers in bounded time and memory, and never by an exception of its own."""

import json
import random
import resource
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, replace

import pytest

from course.catalog import exercise
from course.grading import scenario_of
from unreliable import Explorer, Problem, Schedule
from unreliable import requests as r
from unreliable.pipe import MOST_ANSWER, REQUESTS, Child, RemoteProgram
from unreliable.process import OBJECTS
from unreliable.program import Program
from unreliable.wire import KINDS, WireError, decode, encode

SCENARIO = scenario_of(exercise("03-idempotency/dedup_consumer")).with_faults("crash", "lose", "error")
MESSAGES = 3_000
MIB = 1024 * 1024
STRANGE = (
    *(None, True, False, 0, 1, -1, 2**63, -(2**63), 10**400, 0.5, 1e308, float("inf"), float("nan"), "", "\0"),
    *("\ud800", "payments", "SELECT 1", "x" * 5_000, "p1", [], {}, [[]], {"bytes": "zz"}, {"bytes": "00ff"}),
    *({"is": "Begin"}, {"is": []}, ["payments", 0, 1], [["payments", 0, 10**30]], [["a", "b", "c"]]),
)

VALUES = (None, 0, -(2**63), 2**63, 10**40, 1e308, float("nan"), "", "p1", "\0", "\ud800", b"\xff", (1, 2), True)
STATEMENTS = (
    *("SELECT %s", "SELECT %s, %s", "INSERT INTO processed VALUES (%s)", "DELETE FROM accounts WHERE id = %s"),
    *("UPDATE accounts SET balance = %s", "UPDATE accounts SET id = %s WHERE id = %s", "DROP TABLE accounts"),
    *("CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, x)", "INSERT INTO t (x) VALUES (%s)", "BEGIN", "END"),
    *("DROP TABLE t", "ALTER TABLE accounts RENAME TO b", "CREATE VIEW v AS SELECT * FROM accounts", "ROLLBACK"),
    *("SELECT * FROM accounts FOR UPDATE", "SELECT * FROM t WHERE x = %s FOR UPDATE SKIP LOCKED", "", "\0", ";"),
    *("INSERT INTO sqlite_sequence VALUES (%s, %s)", "DELETE FROM sqlite_sequence", "SELECT 1; SELECT 2"),
    *("CREATE UNIQUE INDEX i ON t (x)", "CREATE TABLE u (x REFERENCES t (x))", "INSERT INTO u VALUES (%s)"),
    *('CREATE TABLE "a""b" ("c d")', "ALTER TABLE t ADD COLUMN y", "ALTER TABLE t DROP COLUMN x"),
    *("SELECT count(*) FROM t a, t b, t c", "INSERT INTO t (x) SELECT a.x FROM t a, t b", "VALUES (1), (2)"),
    *("SELECT zeroblob(10000000)", "SELECT printf('%%1000000d', 1)", "SELECT 1 WHERE 'a' LIKE %s", "PRAGMA x"),
)


class Liar:
    """A child that is a thread here, and answers every question with the next of its lines."""

    def __init__(self, answer: Callable[[], bytes]) -> None:
        self.stream, self._theirs = socket.socketpair()
        self._answer = answer
        self._thread = threading.Thread(target=self._lie, daemon=True)
        self._thread.start()

    def _lie(self) -> None:
        first = True
        with self._theirs, suppress(OSError), self._theirs.makefile("rb") as questions:
            for question in questions:
                if b'"do":"kill"' in question:
                    continue
                self._theirs.sendall(b"{}\n" if first else self._answer())
                first = False

    def close(self) -> Problem | None:
        self.stream.close()
        return None


def value(chance: random.Random, depth: int = 0) -> object:
    """Something that JSON can hold, often what a request holds."""
    match chance.randrange(6 if depth < 4 else 3):
        case 3:
            return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
        case 4:
            return {str(value(chance, 9))[:20]: value(chance, depth + 1) for _ in range(chance.randrange(3))}
        case 5:
            return dataclass(chance, depth)
        case _:
            return chance.choice(STRANGE)


def dataclass(chance: random.Random, depth: int = 0) -> dict[str, object]:
    """The form of one, with fields of any kind; now and then one too many or too few."""
    name = chance.choice(sorted(KINDS))
    found = {field.name: value(chance, depth + 1) for field in fields(KINDS[name])}
    if chance.random() < 0.1:
        found[str(chance.choice(("is", "extra", "__class__")))] = value(chance, 9)
    return {"is": name} | found


def message(chance: random.Random) -> bytes:
    """One answer: well formed and wrong, broken, too long, or none."""
    answer: object = {chance.choice(("request", "problem", "line", "observed")): value(chance)}
    if chance.random() < 0.5:
        answer = {"request": dataclass(chance), "observed": value(chance, 9)}
    line = json.dumps(answer).encode()
    match chance.randrange(10):
        case 0:
            line = line[: chance.randrange(len(line))]
        case 1:
            place = chance.randrange(len(line))
            line = line[:place] + bytes([chance.randrange(256)]) + line[place + 1 :]
        case 2:
            line = chance.choice((b"[" * 50_000, b'{"a":' * 10_000, b"1" * 50_000, b"x" * 2 * MOST_ANSWER, b""))
        case 3:
            line = chance.randbytes(chance.randrange(200)).replace(b"\n", b"")
        case _:
            pass
    return line + b"\n"


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_every_kind_of_object_has_its_requests():
    assert REQUESTS.keys() == OBJECTS.keys() | {"clock"}


def test_the_wire_refuses_or_understands():
    chance = random.Random(20261124)
    before, refused = peak_bytes(), 0
    for _ in range(MESSAGES):
        try:
            decode(message(chance))
        except WireError:
            refused += 1
    assert MESSAGES / 2 < refused < MESSAGES
    assert peak_bytes() - before < 64 * MIB


def test_the_judge_lives_through_hostile_answers():
    chance = random.Random(11242026)
    sent = 0

    def answer() -> bytes:
        nonlocal sent
        sent += 1
        return message(chance)

    before = peak_bytes()
    ends = set()
    while sent < MESSAGES:
        program = RemoteProgram("", "submission.py", lambda: Liar(answer))
        with Explorer(SCENARIO, program, program.drive) as explorer:
            ends.add(explorer.replay(Schedule()).anomaly is None)
        program.close()
    assert ends == {False}
    assert peak_bytes() - before < 128 * MIB


def request(chance: random.Random) -> r.Request:
    """A request of the right types, with the values at which a service may stumble."""
    number = chance.choice((0, 1, 2, 3, 2**62))
    place = (chance.choice(("payments", "", "x")), chance.choice((0, 1, 2, -1)), chance.choice((0, 1, -1, 2**62)))
    parameters = tuple(chance.choice(VALUES) for _ in range(chance.randrange(3)))
    return chance.choice(
        (
            r.Poll(chance.choice((None, number)), chance.choice((None, number))),
            r.CommitOffsets(chance.choice((None, (), (place,), (place, place)))),
            r.Seek(*place),
            r.Committed((place[:2],)),
            r.Assignment(),
            r.Sleep(number),
            *(r.Begin(), r.Commit(), r.Rollback()),
            *(r.Execute(chance.choice(STATEMENTS), parameters) for _ in range(3)),
        )
    )


def test_the_judge_lives_through_requests_that_are_well_formed():
    """Whatever has the right types gets as far as the broker and the database."""
    chance = random.Random(3)
    before, sent = peak_bytes(), 0

    def answer() -> bytes:
        nonlocal sent
        sent += 1
        return encode({"request": request(chance)})

    while sent < MESSAGES:
        program = RemoteProgram("", "submission.py", lambda: Liar(answer))
        scenario = replace(SCENARIO, most_steps=300)
        with Explorer(scenario, program, program.drive) as explorer:
            assert explorer.replay(Schedule()).anomaly is not None
        program.close()
    assert peak_bytes() - before < 256 * MIB


@pytest.mark.parametrize(
    "line",
    [b"x" * 100 + b"\n{}", b"{}\n{}\n", b"null\n", b"[]\n", b"1\n", b"\n"],
    ids=lambda line: repr(line[-10:]),
)
def test_what_is_no_single_answer_ends_the_child(line: bytes):
    child = Child(Program(""), lambda: Liar(lambda: line))
    with child, pytest.raises(WireError):
        child.ask({"do": "line", "seed": "x"})
    assert child.problem is not None


def test_who_talks_byte_by_byte_has_no_more_time(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("unreliable.pipe.PATIENCE_S", 1)
    asked = 0

    def byte() -> bytes:
        nonlocal asked
        asked += 1
        return b" "

    liar = Liar(byte)
    child = Child(Program(""), lambda: liar)
    stop = threading.Event()

    def drip() -> None:
        while not stop.wait(0.05):
            try:
                liar._theirs.sendall(b" ")
            except OSError:
                return

    thread = threading.Thread(target=drip)
    thread.start()
    start = time.monotonic()
    with pytest.raises(WireError):
        child.ask({"do": "line", "seed": "x"})
    stop.set()
    thread.join()
    assert child.problem is not None
    assert child.problem.kind == "endless"
    assert time.monotonic() - start < 30
    child.close()


def test_who_does_not_listen_does_not_stop_the_judge(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("unreliable.pipe.PATIENCE_S", 1)
    ours, theirs = socket.socketpair()
    theirs.sendall(b"{}\n{}\n")

    class Deaf:
        stream = ours

        def close(self) -> Problem | None:
            ours.close()
            return None

    child = Child(Program(""), Deaf)
    child.ask({"do": "line", "seed": "x"})
    while child.problem is None:
        child.tell({"do": "kill", "seed": "x" * 10_000})
    assert child.problem.kind == "endless"
    theirs.close()


def test_a_problem_is_cut_and_named_as_problems_are():
    said = {"is": "Problem", "kind": "passed", "line": -7, "message": "x" * 20_000, "advice": "\x1b[31m"}
    program = RemoteProgram("", "x.py", lambda: Liar(lambda: json.dumps({"problem": said}).encode() + b"\n"))
    problem = program.problem("consume", ())
    program.close()
    assert problem == Problem("crashed", None, "x" * 1_000, "\x1b[31m")
