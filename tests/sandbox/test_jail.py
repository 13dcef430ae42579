"""The jail: which walls hold is found out, not believed; what it starts ends; what a child died of is told."""

import os
import signal
import subprocess
import sys

import pytest

from course.sandbox import jail as module
from course.sandbox.jail import ALLOWED_CALLS, WALLS, Jail, Limits, NoSandbox, allowed_calls
from unreliable.pipe import Child, Interpreter, RemoteProgram
from unreliable.program import Program
from unreliable.wire import encode

from .conftest import MIB, TIGHT, descendants, wait_until_gone

AWAITS = "async def consume(consumer, db):\n    await consumer.poll(1.0)\n"


def problem_of(jail: Jail, source: str, total_s: float = 30) -> str | None:
    """The kind of problem that a program has when it is looked at."""
    program = RemoteProgram(source, "submission.py", jail.connect, total_s)
    try:
        problem = program.problem("consume", ("consumer", "db"))
        return problem and problem.kind
    finally:
        program.close()


# Walls


@pytest.mark.parametrize("wall", WALLS)
def test_a_wall_that_is_left_out_is_not_reported(wall: str):
    with Jail(without=frozenset({wall})) as jail:
        assert wall not in jail.walls


def test_walls_are_reported_in_their_order():
    with Jail() as jail:
        assert list(jail.walls) == [wall for wall in WALLS if wall in jail.walls]
        assert "limits" in jail.walls


def test_a_filter_that_forbids_nothing_is_not_reported(monkeypatch: pytest.MonkeyPatch):
    allow_all = bytes.fromhex("0600000000" + "00ff7f")  # BPF_RET | BPF_K, SECCOMP_RET_ALLOW
    monkeypatch.setattr(module, "allowed_calls", lambda: allow_all)
    with Jail() as jail:
        assert "seccomp" not in jail.walls


def test_a_bubblewrap_that_hides_nothing_is_not_reported(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "_bubblewrap", lambda python: [])
    monkeypatch.setattr(module, "can_bubblewrap", lambda: True)
    monkeypatch.setattr(module, "_command", lambda walled, plain=module._command: plain(False))
    with Jail() as jail:
        assert "bubblewrap" not in jail.walls


@pytest.mark.parametrize("wall", WALLS)
def test_a_strict_jail_refuses_to_do_without(wall: str):
    before = descendants()
    with pytest.raises(NoSandbox, match=wall):
        Jail(strict=True, without=frozenset({wall}))
    assert wait_until_gone(before) == set()


def test_a_filter_that_the_kernel_refuses_is_nobodys_crash(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "allowed_calls", lambda: b"\xff" * 8)
    with Jail() as jail:
        assert "seccomp" not in jail.walls
        with pytest.raises(NoSandbox):
            jail.connect()


def test_a_child_may_open_no_file_and_start_nothing():
    assert not {"open", "openat", "execve", "fork", "clone", "clone3", "kill", "socket", "ptrace"}.intersection(
        ALLOWED_CALLS
    )
    assert len(allowed_calls()) % 8 == 0


# Ends


def test_everything_that_was_started_ends():
    before = descendants()
    with Jail() as jail:
        children = [jail.connect() for _ in range(3)]
        assert len(descendants() - before) >= 4
        children[0].close()
    assert wait_until_gone(before) == set()


@pytest.mark.parametrize("without", [frozenset(), frozenset({"bubblewrap"}), frozenset({"bubblewrap", "seccomp"})])
def test_a_killed_parent_leaves_no_child_behind(without: frozenset[str]):
    before = descendants()
    code = (
        "from course.sandbox.jail import Jail; from unreliable.wire import encode; import time; "
        f"jail = Jail(without=frozenset({set(without)!r})); children = [jail.connect() for _ in range(2)]; "
        "load = {'do': 'load', 'source': 'while True:\\n    pass', 'filename': 'x.py'}; "
        "ask = {'do': 'problem', 'entry': 'consume', 'parameters': ()}; "
        "children[0].stream.sendall(encode(load) + encode(ask)); "
        "print('up', flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"up\n"
    assert len(descendants() - before) >= 4
    parent.kill()
    parent.communicate()
    assert wait_until_gone(before, 5) == set()


def test_a_nursery_that_died_is_replaced_and_its_children_are_nobodys_fault():
    with Jail() as jail:
        first, second = jail.connect(), jail.connect()
        os.kill(jail.nursery.pid, signal.SIGKILL)
        jail.nursery.wait()
        with pytest.raises(NoSandbox, match="too little memory"):
            first.close()
        third = jail.connect()
        with pytest.raises(NoSandbox, match="ended while"):
            second.close()
        third.stream.sendall(encode({"do": "rest"}))
        assert third.stream.recv(100) == encode({})
        assert third.close() is None


def test_a_child_that_the_machine_killed_is_nobodys_fault():
    with Jail() as jail:
        before = descendants()
        child = jail.connect()
        for pid in descendants() - before:
            os.kill(pid, signal.SIGKILL)
        assert child.stream.recv(1) == b""
        with pytest.raises(NoSandbox, match="killed a program's interpreter"):
            child.close()


def test_a_nursery_that_comes_back_weaker_is_refused(monkeypatch: pytest.MonkeyPatch):
    with Jail() as jail:
        os.kill(jail.nursery.pid, signal.SIGKILL)
        jail.nursery.wait()
        monkeypatch.setattr(jail, "_filter", b"")
        with pytest.raises(NoSandbox, match="hold any more"):
            jail.connect()


# What a child died of

ENDS = {
    "right": ("", None),
    "exit": ("os._exit(0)", "exit"),
    "exit with an error": ("os._exit(7)", "exit"),
    "crashed": ("ctypes.memset(0, 0, 1)", "crashed"),
    "abort": ("os.abort()", "crashed"),
    "endless": ("max(iter(int, 1))", "endless"),
    "memory": ("kept = [b'x' * 10**6 for _ in range(10**6)]", "memory"),
    "refused": ("import socket", "refused"),
    "another system's call": ("ctypes.CDLL(None).syscall(0x40000000)", "refused"),
}


@pytest.mark.parametrize(("does", "kind"), ENDS.values(), ids=ENDS)
def test_how_a_child_ended_is_told_apart(does: str, kind: str | None):
    escape = "import json\nmodules = json.codecs.sys.modules\nos, ctypes = modules['os'], modules['ctypes']\n"
    with Jail(Limits(processor_s=1, memory_bytes=256 * MIB)) as jail:
        assert problem_of(jail, f"{escape}{does}\n{AWAITS}") == kind


def test_silence_is_endless(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("unreliable.pipe.PATIENCE_S", 1)
    reads = "import json\njson.codecs.sys.modules['os'].read(3, 1)\n"
    with Jail(TIGHT) as jail:
        assert problem_of(jail, f"{reads}{AWAITS}") == "endless"


def test_a_program_has_its_time_and_no_more():
    with Jail(TIGHT) as jail:
        assert problem_of(jail, AWAITS, total_s=0) == "endless"


def test_a_program_that_is_too_long_is_the_programs_problem():
    with Jail(TIGHT) as jail:
        assert problem_of(jail, f"{AWAITS}#{'x' * 2 * MIB}") == "crashed"


def test_a_child_without_a_jail_speaks_the_same():
    before = descendants()
    with Child(Program(AWAITS), Interpreter) as child:
        assert child.ask({"do": "problem", "entry": "consume", "parameters": ("consumer", "db")}) == {
            "problem": None
        }
    assert wait_until_gone(before) == set()


def test_all_that_may_be_imported_is_loaded_without_a_file():
    from unreliable.shims import COMPUTING  # noqa: PLC0415

    there = sorted(name for name in COMPUTING if name != "typing_extensions")
    uses = (
        "datetime.datetime.strptime('2026-11-24', '%Y-%m-%d')",
        "'ä'.encode('utf-16').decode('utf-16').encode('latin-1')",
        "json.dumps(decimal.Decimal(1) + 1, default=str)",
        "re.sub('(?i)a', 'b', '\\N{BULLET}')",
        "dataclasses.make_dataclass('A', ['x'])(1)",
        "statistics.quantiles([1, 2, 3])",
        "hashlib.sha256(b'').hexdigest()",
        "logging.getLogger('x').warning('%s', 1)",
        "uuid.uuid4(), random.gauss(0, 1)",
        "collections.abc.Mapping",
    )
    there += ["datetime", "uuid", "random", "collections.abc"]
    imports = "\n".join(f"import {name}" for name in there if name != "__future__")
    source = "\n".join((imports, *uses, AWAITS))
    with Jail() as jail:
        program = RemoteProgram(source, "submission.py", jail.connect)
        assert program.problem("consume", ("consumer", "db")) is None
        program.close()


def test_sets_of_text_have_the_same_order_in_every_jail():
    source = f"raise ValueError(str({{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'}}))\n{AWAITS}"
    told = set()
    for _ in range(2):
        with Jail() as jail:
            program = RemoteProgram(source, "submission.py", jail.connect)
            told.add(program.problem("consume", ("consumer", "db")))
            program.close()
    assert len(told) == 1
