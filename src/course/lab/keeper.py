"""Keeps the servers of `course lab up` until it is asked to end (SIGTERM), or one of them ends."""

import signal
import sys
import time
from types import FrameType

from course.lab import LabError, servers


def main() -> int:
    signal.signal(signal.SIGTERM, _end)
    try:
        with servers.own() as running:
            servers.note(running)
            try:
                while True:
                    time.sleep(3600)
            finally:
                servers.forget()
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    raise SystemExit(main())
