"""The nursery: a process in the sandbox that forks a child for each process of a scenario, or for each life.

It is started as `python -P -s -S nursery.py FOLDER` with a socket as its standard input, and never runs a line of
a learner's. What it is asked, one JSON object a line:
- `{"limits": {…}, "filter": hex}` first: what every child will be held by; answers `{"held": [walls that held]}`
  after a trial child has run against each of them.
- `{"spawn": true}` with a file descriptor: forks a child that speaks on it; answers `{"pid": n}` once its walls
  are up, or `{"error": why not}`.
- `{"end": pid, "gone": false}`: kills the child and what it started; answers with how it ended, whether it had to
  be `killed`, and what it used. One that is gone, to go by its socket, is given time to end by itself.

A child limits itself before it reads its first question: resources, then (where the kernel can) system calls. From
there on it can read and write on its one socket, and ask for memory; all modules that it may import are loaded.
"""

import ctypes
import gc
import json
import os
import pkgutil
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from io import BufferedReader, BufferedWriter
from types import ModuleType
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38
SECCOMP_MODE_FILTER = 2
NOBODY = 65534
CHANNEL, READY = 3, 4
DYING_S = 1  # what the system may need to end a process whose socket is closed already

# What Python loads when it is first needed, and what text is written in.
LAZY = ("_strptime", "calendar", "locale", "unicodedata", "stringprep", "weakref", "traceback", "linecache")
ENCODINGS = ("ascii", "latin_1", "cp1252", "utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_8_sig", "idna")
NEVER = ("__main__", "tool", "config", "handlers")  # submodules that compute nothing


class Filter(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


class Walls:
    """What every child is held by."""

    def __init__(self, limits: dict[str, int], program: bytes) -> None:
        self._limits = limits
        self.memory_bytes = limits.get("AS", 0)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._instructions = ctypes.create_string_buffer(program, len(program))
        self._filter = Filter(len(program) // 8, ctypes.cast(self._instructions, ctypes.c_void_p))

    def prctl(self, option: int, *arguments: Any) -> None:
        """Raises OSError if the kernel refuses."""
        if self._libc.prctl(option, *arguments, *(0,) * (4 - len(arguments))):
            raise OSError(ctypes.get_errno(), f"prctl {option}")

    def outlive_nobody(self) -> None:
        """Dies with its parent, and lets nobody of the same user look into it."""
        if sys.platform == "linux":
            self.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            self.prctl(PR_SET_DUMPABLE, 0)

    def build(self) -> None:
        """Around this process, for good: resources, without RLIMIT_ in their names, then system calls."""
        self.outlive_nobody()
        for name, value in self._limits.items():
            hard = value + (name == "CPU")  # first comes a signal that tells the reason
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, hard))
        if self._filter.length:
            self.prctl(PR_SET_NO_NEW_PRIVS, 1)
            self.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(self._filter))


def descend() -> None:
    """As nobody, where it was root: another user's processes and private files are out of reach."""
    if os.getuid():
        return
    with suppress(OSError):  # a container may know no other user than root
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def live(channel: int, ready: int, walls: Walls) -> None:
    """A child, from its fork to its end: three descriptors to nowhere, and one to speak on."""
    from unreliable.serving import serve  # noqa: PLC0415 its package is there only by now

    questions, answers = settle(channel, ready)
    walls.build()
    os.write(READY, b"!")
    os.close(READY)
    serve(questions, answers)
    os._exit(0)  # before its socket is closed: who hears that finds it ended, and not about to


def settle(channel: int, ready: int) -> tuple[BufferedReader, BufferedWriter]:
    """Leaves the nursery's session and its descriptors behind."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    channel, ready = os.dup2(channel, 100), os.dup2(ready, 101)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.dup2(channel, CHANNEL)
    os.dup2(ready, READY)
    os.closerange(READY + 1, 1024)
    return os.fdopen(CHANNEL, "rb"), os.fdopen(os.dup(CHANNEL), "wb")


def spawn(channel: int, walls: Walls) -> dict[str, Any]:
    """The pid of a new child, once its walls are up."""
    ready, done = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            live(channel, done, walls)
        finally:
            os._exit(0)
    os.close(channel)
    os.close(done)
    is_held = os.read(ready, 1) == b"!"
    os.close(ready)
    if is_held:
        return {"pid": pid}
    return {"error": f"a child could not build its walls: {end(pid, gone=True)}"}


def end(pid: int, gone: bool) -> dict[str, Any]:
    """How the child ended, as os.waitstatus_to_exitcode tells it (a signal is negative), and what it had used."""
    patience = time.monotonic() + (DYING_S if gone else 0)
    ended, status, used = os.wait4(pid, os.WNOHANG)
    while not ended and time.monotonic() < patience:
        time.sleep(0.001)
        ended, status, used = os.wait4(pid, os.WNOHANG)
    if not ended:
        os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if not ended:
        _, status, used = os.wait4(pid, 0)
    return {
        "status": os.waitstatus_to_exitcode(status),
        "killed": not ended,
        "processor_s": used.ru_utime + used.ru_stime,
        "memory_bytes": used.ru_maxrss * 1024,
    }


# Which walls hold, tried out


def held(walls: Walls) -> list[str]:
    """The walls that neither this process nor a trial child could get through."""
    pid = os.fork()
    if not pid:
        got_through = 3
        try:
            walls.build()
            got_through = can(os.pipe) | can(bytearray, walls.memory_bytes) << 1
        finally:
            os._exit(got_through)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    outside = {"bubblewrap": can(os.stat, "/etc"), "seccomp": status & 1, "limits": status & 2}
    return [name for name, got_through in outside.items() if not got_through]


def can(do: Callable[..., object], *arguments: object) -> bool:
    """Whether the system lets this process do it."""
    try:
        do(*arguments)
    except (OSError, MemoryError):
        return False
    return True


# Service


def leave_the_world_out() -> None:
    """`unreliable` without what its front imports: a child runs a program and simulates nothing."""
    front = ModuleType("unreliable")
    front.__path__ = [f"{sys.argv[1]}/unreliable"]
    sys.modules["unreliable"] = front


def preload() -> None:
    """All that a learner may import, since a child can open no file."""
    import_module("unreliable.serving")
    from unreliable.shims import COMPUTING  # noqa: PLC0415 its package is there only by now

    for name in (*sorted(COMPUTING), *LAZY, *(f"encodings.{name}" for name in ENCODINGS)):
        with suppress(ImportError):
            module = import_module(name)
            for found in pkgutil.iter_modules(getattr(module, "__path__", ())):
                if found.name not in NEVER:
                    import_module(f"{name}.{found.name}")


def main() -> None:
    """Answers until the socket is closed; with this process all of the sandbox ends."""
    leave_the_world_out()
    preload()
    gc.freeze()  # what is loaded stays: no child has to look through it for garbage
    descend()
    control = socket.socket(fileno=os.dup(0))
    walls = Walls({}, b"")
    walls.outlive_nobody()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
        while message and not message.endswith(b"\n"):
            more = control.recv(65536)
            message = message + more if more else b""
        if not message:
            return
        match json.loads(message):
            case {"spawn": True}:
                answer = spawn(descriptors[0], walls)
            case {"end": int(pid), "gone": bool(gone)}:
                answer = end(pid, gone)
            case {"limits": limits, "filter": str(program)}:
                walls = Walls(limits, bytes.fromhex(program))
                answer = {"held": held(walls)}
            case _:
                answer = {"error": "no such question"}
        control.sendall(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
