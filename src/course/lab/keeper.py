"""Keeps the servers of `course lab up` until it is asked to end (SIGTERM), or one of them ends."""

import signal
import sys
import time
from types import FrameType
from typing import Never

from course.lab import LabError, servers
from course.lab.guarded import Guarded

LOOKS_EVERY_S = 1


def main() -> int:
    signal.signal(signal.SIGTERM, _end)
    try:
        with servers.started() as running:
            servers.note(servers.own(*running))
            try:
                _keep(*running)
            finally:
                servers.forget()
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


def _keep(*running: Guarded) -> Never:
    """Raises LabError when one of them has ended."""
    while True:
        for server in running:
            if not server.alive:
                raise LabError(f"{server.name} ended by itself. {server.last_words()}")
        time.sleep(LOOKS_EVERY_S)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    raise SystemExit(main())
