"""The nursery: a process inside of the sandbox that forks one child for each submission, or for each of its lives.

It is started as `python -I -S nursery.py FOLDER` with a socket as its standard input, and never runs a line of a
learner's. What it is asked, one JSON object a message:
- `{"spawn": limits, "filter": hex}` with a file descriptor: forks a child that speaks on it; answers `{"pid": n}`.
- `{"end": pid}`: kills the child and what it started; answers `{"status": how it ended}`.

A child limits itself before it reads its first question: resources, then (where the kernel can) system calls. It
cannot fork, execute, open a socket, or signal anybody.
"""

import ctypes
import json
import os
import resource
import signal
import socket
import sys
from importlib import import_module
from typing import Any

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2


class Filter(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def limit(limits: dict[str, int]) -> None:
    """Sets resource limits by the names of the resource module, without RLIMIT_."""
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def forbid(program: bytes) -> None:
    """Installs a BPF program on this process's system calls; there is no way back."""
    libc = ctypes.CDLL(None, use_errno=True)
    instructions = ctypes.create_string_buffer(program, len(program))
    fprog = Filter(len(program) // 8, ctypes.cast(instructions, ctypes.c_void_p))
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(fprog)
    ):
        raise OSError(ctypes.get_errno(), "prctl")


def live(channel: int, wanted: dict[str, Any]) -> None:
    """A child, from its fork to its end: three descriptors to nowhere, and two to speak on."""
    os.setsid()
    nothing = os.open("/dev/null", os.O_RDWR)
    channel = os.dup2(channel, 100)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.dup2(channel, 3)
    os.dup2(channel, 4)
    os.closerange(5, 1024)
    limit(wanted["spawn"])
    if wanted.get("filter"):
        forbid(bytes.fromhex(wanted["filter"]))
    from unreliable.pipe import serve  # noqa: PLC0415 its folder is on the path only by now

    serve(os.fdopen(3, "rb"), os.fdopen(4, "wb"))


def spawn(channel: int, wanted: dict[str, Any]) -> int:
    """The pid of a new child."""
    pid = os.fork()
    if not pid:
        try:
            live(channel, wanted)
        finally:
            os._exit(0)
    os.close(channel)
    return pid


def end(pid: int) -> int:
    """How the child ended, as os.waitstatus_to_exitcode tells it: a signal is negative."""
    for kill in (os.kill, os.killpg):
        try:
            kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main() -> None:
    """Answers until the socket is closed; with this process all of the sandbox ends."""
    sys.path.insert(0, sys.argv[1])
    import_module("unreliable.pipe")  # so that children have it already

    control = socket.socket(fileno=os.dup(0))
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 65536, 1)
        if not message:
            return
        wanted = json.loads(message)
        spawned = "spawn" in wanted
        answer = {"pid": spawn(descriptors[0], wanted)} if spawned else {"status": end(wanted["end"])}
        control.send(json.dumps(answer).encode())


if __name__ == "__main__":
    main()
