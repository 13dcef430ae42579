"""The jail: starts the nursery behind the strongest walls that this machine has, and hands out children.

- bubblewrap (Linux with user namespaces): no network, no other processes, no files but Python's own and
  `unreliable`, nothing writable, an empty environment;
- seccomp (Linux with libseccomp): a list of allowed system calls, with no fork, no exec, no socket, no signal;
- resource limits: processor time, memory, open files, file size;
- the clock: a child that says nothing for too long is killed.

`Jail.walls` says which are in force; `Jail(strict=True)` refuses to work without the first two.
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

MIB = 1024 * 1024


class NoSandbox(Exception):
    """The walls that were asked for cannot be built on this machine."""


@dataclass(frozen=True)
class Limits:
    """What one child may use."""

    processor_s: int = 20
    memory_bytes: int = 512 * MIB
    open_files: int = 32
    file_bytes: int = 0

    def to_json(self) -> dict[str, int]:
        """By the names of the resource module."""
        return {
            "CPU": self.processor_s,
            "AS": self.memory_bytes,
            "NOFILE": self.open_files,
            "FSIZE": self.file_bytes,
            "CORE": 0,
        }


class Jail:
    """A running nursery. Close it when done; it is a context manager, and `connect` makes a child."""

    def __init__(self, limits: Limits = Limits(), strict: bool = False) -> None:
        self.limits = limits
        self.walls = walls()
        missing = {"bubblewrap", "seccomp"}.difference(self.walls)
        if strict and missing:
            raise NoSandbox(f"This machine lacks {' and '.join(sorted(missing))}: see docs/instructors.md.")
        self._filter = allowed_calls() if "seccomp" in self.walls else b""
        self._start()

    def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        self._process = subprocess.Popen(
            _command("bubblewrap" in self.walls), stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env={}, cwd="/"
        )
        theirs.close()

    def __enter__(self) -> "Jail":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the nursery, and with it everything that is inside."""
        self._control.close()
        self._process.kill()
        self._process.wait()

    def connect(self) -> "Prisoner":
        """A new child; the nursery is started again if it has died."""
        try:
            return Prisoner(self)
        except (OSError, ValueError):
            self.close()
            self._start()
            return Prisoner(self)

    def ask(self, question: dict[str, Any], descriptor: int | None = None) -> dict[str, Any]:
        """The nursery's answer; OSError or ValueError if it has died."""
        message = json.dumps(question).encode()
        socket.send_fds(self._control, [message], [] if descriptor is None else [descriptor])
        return json.loads(self._control.recv(65536))

    def spawn(self, descriptor: int) -> int:
        question = {"spawn": self.limits.to_json(), "filter": self._filter.hex()}
        return self.ask(question, descriptor)["pid"]


class Prisoner:
    """A child in the jail, as `unreliable.pipe` speaks to it."""

    def __init__(self, jail: Jail) -> None:
        self._jail = jail
        self._socket, theirs = socket.socketpair()
        try:
            self._pid = jail.spawn(theirs.fileno())
        finally:
            theirs.close()

    @property
    def reader(self) -> int:
        return self._socket.fileno()

    @property
    def writer(self) -> int:
        return self._socket.fileno()

    def close(self) -> Problem | None:
        """Kills the child; says what it died of, if that was not this."""
        self._socket.close()
        try:
            status = self._jail.ask({"end": self._pid})["status"]
        except (OSError, ValueError):
            return None  # the nursery is gone, and all children with it
        return _CAUSES.get(status)


_TIME = Problem("endless", None, "The program used up its processor time.", "Let its loops end, or await in them.")
_CRASH = Problem("crashed", None, "The program crashed Python itself.", "Leave Python's own memory alone.")
_FORBIDDEN = Problem(
    "refused", None, "The program asked the system for what is forbidden.", "It needs only await."
)
_CAUSES = {
    -signal.SIGXCPU: _TIME,
    -signal.SIGSEGV: _CRASH,
    -signal.SIGABRT: _CRASH,
    -signal.SIGBUS: _CRASH,
    -signal.SIGSYS: _FORBIDDEN,
}


def _command(walled: bool) -> list[str]:
    python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
    if not python.exists():
        python = Path(sys.executable).resolve()
    if not walled:
        return [str(python), "-I", "-S", str(NURSERY), str(PACKAGES)]
    return [*_bubblewrap(python), str(python), "-I", "-S", "/course/nursery.py", "/course"]


def _bubblewrap(python: Path) -> list[str]:
    seen = [("--ro-bind", "/usr"), ("--ro-bind-try", "/lib"), ("--ro-bind-try", "/lib64")]
    if not str(python).startswith("/usr/"):
        seen.append(("--ro-bind", str(Path(sys.base_prefix))))
    return [
        *("bwrap", "--unshare-all", "--unshare-user", "--uid", "65534", "--gid", "65534", "--cap-drop", "ALL"),
        *("--die-with-parent", "--new-session", "--clearenv"),
        *(word for how, path in seen for word in (how, path, path)),
        *("--ro-bind", str(PACKAGES / "unreliable"), "/course/unreliable"),
        *("--ro-bind", str(NURSERY), "/course/nursery.py"),
        *("--dev-bind", "/dev/null", "/dev/null", "--dir", "/empty", "--chdir", "/empty", "--remount-ro", "/"),
    ]


@cache
def walls() -> tuple[str, ...]:
    """Which of the walls this machine has, tried out once."""
    found = ["limits"]
    if shutil.which("bwrap"):
        trial = [*_bubblewrap(Path(sys.executable).resolve()), "/usr/bin/env", "true"]
        if subprocess.run(trial, capture_output=True, env={}, timeout=10, check=False).returncode == 0:
            found.insert(0, "bubblewrap")
    if allowed_calls():
        found.insert(-1, "seccomp")
    return tuple(found)


ALLOWED_CALLS = (
    *("read", "write", "readv", "writev", "pread64", "lseek", "close", "dup", "dup2", "dup3", "fcntl", "ioctl"),
    *("openat", "open", "stat", "fstat", "lstat", "newfstatat", "statx", "readlink", "readlinkat", "getdents64"),
    *("access", "faccessat", "faccessat2", "getcwd", "mmap", "munmap", "mprotect", "mremap", "madvise", "brk"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "futex", "sched_yield", "getrandom"),
    *("clock_gettime", "clock_getres", "gettimeofday", "clock_nanosleep", "nanosleep", "poll", "ppoll", "select"),
    *("pselect6", "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "sendto", "recvfrom", "getpid"),
    *("gettid", "getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo", "getrusage", "times", "exit"),
    *("exit_group", "sched_getaffinity", "prlimit64", "restart_syscall"),
)


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
    return _exported(rules)


def _exported(rules: Any) -> bytes:
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()
