"""A server that this machine runs for us, in a temporary folder, for no longer than we live."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from course.lab import LabError

HOST = "127.0.0.1"
PATIENCE_S = 60
_GUARD = Path(__file__).with_name("guard.py")


class Guarded:
    """A command under guard (`guard.py`). It is ended by `close`, and by our death."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.folder = folder
        self.log = folder / "server.log"
        with self.log.open("wb") as log:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", str(_GUARD), str(folder), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that Ctrl-C reaches us alone, and we end it in good order
                env={**os.environ, **environment},
            )

    @property
    def pid(self) -> int:
        """The guard's process."""
        return self._guard.pid

    @property
    def alive(self) -> bool:
        return self._guard.poll() is None

    def await_ready(self, ready: Callable[[], bool]) -> None:
        """Waits until the server answers. Raises LabError if it ends before, or takes too long."""
        deadline = time.monotonic() + PATIENCE_S
        while not ready():
            if not self.alive:
                message = f"{self.name} ended while it started. {self.last_words()}"
                self.close()
                raise LabError(message)
            if time.monotonic() > deadline:
                message = f"{self.name} did not answer within {PATIENCE_S} s. {self.last_words()}"
                self.close()
                raise LabError(message)
            time.sleep(0.1)

    def last_words(self) -> str:
        """What its log says about the reason: the first error, or else the last line."""
        try:
            lines = [line for line in self.log.read_text("utf-8", "replace").splitlines() if line.strip()]
        except OSError:
            lines = []
        telling = [line for line in lines if "already in use" in line or "Unable to bind" in line]
        if telling:
            return f"Its port is taken: {telling[0].strip()} Free it, or choose another port."
        return f"It said last: {lines[-1].strip()}" if lines else "It said nothing."

    def close(self) -> None:
        """Ends the server and removes its folder."""
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        self._guard.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def forbid_taken(name: str, port: int) -> None:
    """Raises LabError if somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise LabError(
                f"Port {port} of this machine is taken, so {name} cannot have it. "
                "End what listens there, or leave the port out: then a free one is chosen."
            ) from None


def answers(port: int) -> bool:
    """Whether something listens on this port of this machine."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def find(command: str, advice: str) -> str:
    """The path of a command; raises LabError with the advice if there is none."""
    path = shutil.which(command)
    if path is None:
        raise LabError(f"There is no `{command}` on this machine. {advice}")
    return path
