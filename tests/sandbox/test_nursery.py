"""The nursery: what it is asked and what it answers, without a jail around it."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from course.sandbox.jail import NURSERY, PACKAGES, Limits, allowed_calls
from unreliable.wire import decode, encode

from .conftest import descendants, wait_until_gone


class Nursery:
    """A nursery and the socket on which it is asked."""

    def __init__(self) -> None:
        self.control, theirs = socket.socketpair()
        self.control.settimeout(20)
        command = [sys.executable, "-P", "-s", "-S", str(NURSERY), str(PACKAGES)]
        self.process = subprocess.Popen(command, stdin=theirs.fileno(), env={})
        theirs.close()

    def ask(self, question: object, *descriptors: int) -> dict[str, object]:
        socket.send_fds(self.control, [json.dumps(question).encode() + b"\n"], list(descriptors))
        return json.loads(self.control.makefile("rb").readline())

    def spawn(self) -> tuple[int, socket.socket]:
        ours, theirs = socket.socketpair()
        with theirs:
            pid = self.ask({"spawn": True}, theirs.fileno())["pid"]
        ours.settimeout(20)
        assert isinstance(pid, int)
        return pid, ours


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    before = descendants()
    nursery = Nursery()
    yield nursery
    nursery.control.close()
    nursery.process.wait(timeout=20)
    assert wait_until_gone(before) == set()


def answer(channel: socket.socket, question: object) -> object:
    channel.sendall(encode(question))
    return decode(channel.makefile("rb").readline())


def test_it_ends_when_nobody_asks_any_more(nursery: Nursery):
    nursery.control.shutdown(socket.SHUT_RDWR)
    assert nursery.process.wait(timeout=20) == 0


def test_a_child_answers_on_its_own_socket(nursery: Nursery):
    _, first = nursery.spawn()
    _, second = nursery.spawn()
    for channel, line in ((first, 1), (second, 2)):
        source = "\n" * (line - 1) + "broken ="
        assert answer(channel, {"do": "load", "source": source, "filename": "x.py"}) == {}
    for channel, line in ((first, 1), (second, 2)):
        said = answer(channel, {"do": "problem", "entry": "consume", "parameters": ()})
        assert said["problem"].line == line
        channel.close()


def test_it_tells_how_a_child_ended(nursery: Nursery):
    pid, channel = nursery.spawn()
    end = nursery.ask({"end": pid, "gone": False})
    assert end["status"] == -signal.SIGKILL
    assert end["killed"]
    assert end["processor_s"] < 5
    assert end["memory_bytes"] > 0
    assert channel.recv(1) == b""
    channel.close()


def test_a_child_that_ended_by_itself_is_told_from_one_that_was_killed(nursery: Nursery):
    pid, channel = nursery.spawn()
    channel.shutdown(socket.SHUT_WR)
    assert channel.recv(1) == b""
    end = nursery.ask({"end": pid, "gone": True})
    assert (end["status"], end["killed"]) == (0, False)
    channel.close()


def test_it_has_no_walls_that_it_was_not_asked_for(nursery: Nursery):
    assert nursery.ask({"limits": {}, "filter": ""}) == {"held": []}


def test_limits_hold(nursery: Nursery):
    assert nursery.ask({"limits": Limits().to_json(), "filter": ""}) == {"held": ["limits"]}


def test_system_calls_are_held(nursery: Nursery):
    assert nursery.ask({"limits": {}, "filter": allowed_calls().hex()}) == {"held": ["seccomp"]}


def test_a_child_without_its_walls_does_not_live(nursery: Nursery):
    nursery.ask({"limits": {}, "filter": "ff" * 8})
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert "error" in nursery.ask({"spawn": True}, theirs.fileno())


def test_a_question_that_is_none_gets_an_answer(nursery: Nursery):
    assert nursery.ask({"spawn": "no"}) == {"error": "no such question"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root has to become somebody else")
def test_root_becomes_nobody(nursery: Nursery):
    nursery.ask({"limits": {}, "filter": ""})
    status = Path(f"/proc/{nursery.process.pid}/status").read_text("utf-8")
    uids = next(line for line in status.splitlines() if line.startswith("Uid"))
    assert set(uids.split()[1:]) == {"65534"}
