"""The jail: starts the nursery behind the strongest walls that this machine has, and hands out children.

- bubblewrap (Linux with user namespaces): no network, no other processes, no files but the system's programs
  and libraries (/usr, /lib), Python's and `unreliable`, nothing writable, an empty environment;
- seccomp (Linux with libseccomp): a list of allowed system calls, with no files, no fork, no exec, no socket, no
  signal, no sleep;
- resource limits: processor time, memory, processes, open files, file size;
- the clock: a child that says nothing for too long is killed (`unreliable.pipe`).

`Jail.walls` says which were tried and held; `Jail(strict=True)` refuses to work without all of them. What each of
them holds is in docs/sandbox.md.
"""

import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import unreliable
from unreliable.program import Problem

NURSERY = Path(__file__).with_name("nursery.py")
PACKAGES = Path(unreliable.__file__).parents[1]
WALLS = ("bubblewrap", "seccomp", "limits")

MIB = 1024 * 1024
PATIENCE_S = 30  # with the nursery, which answers at once


class NoSandbox(Exception):
    """The walls that were asked for cannot be built on this machine."""


@dataclass(frozen=True)
class Limits:
    """What one child may use."""

    processor_s: int = 60
    memory_bytes: int = 512 * MIB
    processes: int = 0  # besides itself
    open_files: int = 32
    file_bytes: int = 0

    def to_json(self) -> dict[str, int]:
        """By the names of the resource module."""
        return {
            "CPU": self.processor_s,
            "AS": self.memory_bytes,
            "NPROC": self.processes,
            "NOFILE": self.open_files,
            "FSIZE": self.file_bytes,
            "CORE": 0,
        }


class Jail:
    """A running nursery. Close it when done; it is a context manager, and `connect` makes a child.

    `without` leaves out walls, which only tests have reason to.
    """

    def __init__(
        self, limits: Limits = Limits(), strict: bool = False, without: frozenset[str] = frozenset()
    ) -> None:
        self.limits = limits
        self._wanted = [wall for wall in WALLS if wall not in without]
        self._filter = allowed_calls() if "seccomp" in self._wanted else b""
        self.walls = self._start()
        missing = [wall for wall in WALLS if wall not in self.walls]
        if strict and missing:
            self.close()
            raise NoSandbox(f"This machine lacks {' and '.join(missing)}: see docs/sandbox.md.")

    def _start(self) -> tuple[str, ...]:
        """Starts the nursery; the walls that hold."""
        self._control, theirs = socket.socketpair()
        self._control.settimeout(PATIENCE_S)
        command = _command("bubblewrap" in self._wanted and can_bubblewrap())
        with theirs:
            self.nursery = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env=ENVIRONMENT, cwd="/"
            )
        limits = self.limits.to_json() if "limits" in self._wanted else {}
        try:
            held = self.ask({"limits": limits, "filter": self._filter.hex()})["held"]
        except (OSError, ValueError):
            self.close()
            raise NoSandbox("The sandbox does not start on this machine.") from None
        return tuple(wall for wall in self._wanted if wall in held)

    def __enter__(self) -> "Jail":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the nursery, and with it everything that is inside."""
        self._control.close()
        self.nursery.kill()
        self.nursery.wait()

    def connect(self) -> "Prisoner":
        """A new child; the nursery is started again if it has died. Raises NoSandbox if there can be none."""
        try:
            return Prisoner(self)
        except (OSError, ValueError):
            self.close()
            if self._start() != self.walls:
                raise NoSandbox(f"Not all of {', '.join(self.walls)} hold any more.") from None
            return Prisoner(self)

    def ask(self, question: dict[str, Any], descriptor: int | None = None) -> dict[str, Any]:
        """The nursery's answer; OSError or ValueError if it has died."""
        message = json.dumps(question).encode() + b"\n"
        try:
            socket.send_fds(self._control, [message], [] if descriptor is None else [descriptor])
            answer = b""
            while not answer.endswith(b"\n"):
                heard = self._control.recv(65536)
                if not heard:
                    raise ConnectionError("the nursery has ended")
                answer += heard
            return json.loads(answer)
        except (OSError, ValueError):
            self._control.close()  # or a late answer would be taken for the next one
            raise

    def spawn(self, descriptor: int) -> int:
        answer = self.ask({"spawn": True}, descriptor)
        if "error" in answer:
            raise NoSandbox(answer["error"])
        return answer["pid"]


class Prisoner:
    """A child in the jail, as `unreliable.pipe` speaks to it."""

    def __init__(self, jail: Jail) -> None:
        self._jail = jail
        self.stream, theirs = socket.socketpair()
        with theirs:
            self._pid = jail.spawn(theirs.fileno())
        self._nursery = jail.nursery

    def close(self) -> Problem | None:
        """Kills the child; says what it died of, if that was not this.

        Raises NoSandbox if the machine has killed it, or the nursery.
        """
        try:
            if self._jail.nursery is not self._nursery:
                raise ConnectionError("another nursery has taken its place")
            end = self._jail.ask({"end": self._pid, "gone": self._is_gone()})
        except (OSError, ValueError):
            raise NoSandbox(f"The sandbox ended while a program was run in it. {_MEMORY_OF_THE_MACHINE}") from None
        finally:
            self.stream.close()
        return _cause(end, self._jail.limits)

    def _is_gone(self) -> bool:
        """Whether it has closed its end, as who dies does."""
        try:
            return not self.stream.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True


_MEMORY_OF_THE_MACHINE = "Has the machine too little memory? It needs 2 GiB for each worker."


def _cause(end: dict[str, Any], limits: Limits) -> Problem | None:
    """What a child died of by itself; None for one that was alive. Raises NoSandbox if it was the machine."""
    status = end["status"]
    if status == -signal.SIGXCPU:
        return _TIME
    if status == -signal.SIGKILL and end["processor_s"] > limits.processor_s / 2:  # counted in other ways
        return _TIME  # the program has ignored the signal
    if status == -signal.SIGKILL and not end["killed"]:
        raise NoSandbox(f"The machine killed a program's interpreter. {_MEMORY_OF_THE_MACHINE}")
    if status in _CRASHES:
        return _MEMORY if end["memory_bytes"] > 0.8 * limits.memory_bytes else _CRASH
    if status == -signal.SIGSYS:
        return _FORBIDDEN
    return _EXIT if status >= 0 else None


_TIME = Problem("endless", None, "The program used up its processor time.", "Let its loops end, or await in them.")
_CRASH = Problem("crashed", None, "The program crashed Python itself.", "Leave Python's own memory alone.")
_MEMORY = Problem("memory", None, "The program used up its memory.", "Keep less at a time.")
_FORBIDDEN = Problem(
    "refused", None, "The program asked the system for what is forbidden.", "It needs only await."
)
_EXIT = Problem("exit", None, "The program ended Python.", "A process goes on until it is killed.")
_CRASHES = (-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE)


# Text has the same hash in every nursery, so that sets have the same order and a mark comes out the same.
ENVIRONMENT = {"PYTHONHASHSEED": "0"}


def _command(walled: bool) -> list[str]:
    python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    if not python.exists():
        python = Path(sys.executable).resolve()
    alone = [str(python), "-P", "-s", "-S", "-B"]
    if not walled:
        return [*alone, str(NURSERY), str(PACKAGES)]
    return [*_bubblewrap(python), *alone, "/course/nursery.py", "/course"]


def _bubblewrap(python: Path) -> list[str]:
    seen = [("--ro-bind", "/usr"), ("--ro-bind-try", "/lib"), ("--ro-bind-try", "/lib64")]
    if not str(python).startswith("/usr/"):
        seen.append(("--ro-bind", str(Path(sys.base_prefix))))
    bwrap = shutil.which("bwrap") or "bwrap"
    return [
        *(bwrap, "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"),
        *("--die-with-parent", "--new-session", "--clearenv"),
        *(word for item in ENVIRONMENT.items() for word in ("--setenv", *item)),
        *(word for how, path in seen for word in (how, path, path)),
        *("--ro-bind", str(PACKAGES / "unreliable"), "/course/unreliable"),
        *("--ro-bind", str(NURSERY), "/course/nursery.py"),
        *("--dev-bind", "/dev/null", "/dev/null", "--dir", "/empty", "--chdir", "/empty", "--remount-ro", "/"),
    ]


@cache
def can_bubblewrap() -> bool:
    """Whether bubblewrap is there and may do its work, tried out once."""
    if not shutil.which("bwrap"):
        return False
    trial = [*_bubblewrap(Path(sys.executable).resolve()), "/usr/bin/env", "true"]
    return subprocess.run(trial, capture_output=True, env={}, timeout=10, check=False).returncode == 0


# What Python needs to read and write on a socket that is open, to compute, and to end.
ALLOWED_CALLS = (
    *("read", "write", "close", "mmap", "munmap", "mprotect", "mremap", "madvise", "brk"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "futex", "sched_yield", "getrandom"),
    *("gettimeofday", "getpid", "gettid", "restart_syscall"),
    *("exit", "exit_group"),
)
CLOCK_CALLS = ("clock_gettime", "clock_getres")
LAST_CLOCK = 11  # CLOCK_TAI; what lies beyond, negative numbers too, are the processor clocks of other processes


@cache
def allowed_calls() -> bytes:
    """A BPF program that lets these system calls through and fails all others; empty if none can be made."""
    try:
        import pyseccomp  # noqa: PLC0415 # pyright: ignore[reportMissingTypeStubs] not on every system
    except (ImportError, RuntimeError, OSError):
        return b""
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(1))
    for name in ALLOWED_CALLS:
        try:
            rules.add_rule(pyseccomp.ALLOW, name)
        except (OSError, RuntimeError, ValueError):
            continue  # a call that this machine does not have
    for name in CLOCK_CALLS:
        rules.add_rule(pyseccomp.ALLOW, name, pyseccomp.Arg(0, pyseccomp.LE, LAST_CLOCK))
    return _exported(rules)


def _exported(rules: Any) -> bytes:
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
