"""Runs a command that never outlives whoever started it: `python guard.py FOLDER COMMAND…`.

Rules
- The command ends when the guard's standard input does: when it is closed, and when its owner is killed.
- First it is asked to end (SIGTERM), and after `PATIENCE_S` it is made to. Then the folder is removed.
- A command that ends by itself ends the guard, with the same status; its folder stays until the owner has read it.

A file of its own that imports only the standard library, as it is started by its path.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading

PATIENCE_S = 10


def main(folder: str, *command: str) -> None:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=_follow, args=(child,), daemon=True).start()
    sys.stdin.buffer.read()
    _end(child)
    shutil.rmtree(folder, ignore_errors=True)


def _follow(child: subprocess.Popen[bytes]) -> None:
    status = child.wait()
    if not _ending.is_set():
        os._exit(status if status > 0 else 1)


def _end(child: subprocess.Popen[bytes]) -> None:
    _ending.set()
    _signal(child, signal.SIGTERM)
    try:
        child.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        _signal(child, signal.SIGKILL)
        child.wait()


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return


_ending = threading.Event()

if __name__ == "__main__":
    main(*sys.argv[1:])
