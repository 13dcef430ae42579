"""The store: one file for each mark, by the key of all that it depends on.

Rules
- A mark is on the disk, whole, before anybody counts it: written beside its place, synced, and then renamed.
- The same key is the same mark, whoever computed it and how often. Only one for which time ran out, or that had
  fewer walls than are asked for now, is computed again, and replaced.
- The grader's own errors are not kept: the next run tries again.
"""

import gzip
import hashlib
import json
import os
import tempfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

NEW = ".new-"  # how the name of a file begins that is not in its place yet

type Mark = dict[str, Any]


def key_of(*parts: object) -> str:
    """A name for everything that a mark depends on."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


class Store:
    """The marks in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, key: str) -> Mark | None:
        """The mark of this key, if there is one that can be read."""
        try:
            mark = json.loads(gzip.decompress(self._path(key).read_bytes()))
        except (OSError, ValueError, EOFError, zlib.error):
            return None
        return mark if mark.get("key") == key else None

    def put(self, mark: Mark) -> None:
        """Keeps a mark. When this returns, not even a loss of power takes it away."""
        path = self._path(mark["key"])
        path.parent.mkdir(parents=True, exist_ok=True)
        with replaced(path, durably=True) as file:
            file.write(gzip.compress(json.dumps(mark).encode(), 6, mtime=0))

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json.gz"


class InUse(Exception):
    """Another command works in the folder."""


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """Nobody else writes into this folder meanwhile; raises InUse. What a killed one has left half done goes."""
    import fcntl  # noqa: PLC0415 not in the page, which imports this module's neighbours

    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InUse(
                f"Another `course grade` writes into {folder}: wait for it, or take another --out."
            ) from None
        except OSError:
            pass  # a file system without locks: there is no telling
        for left in (*folder.glob(f"{NEW}*"), *folder.glob(f"marks/*/{NEW}*")):
            if left.is_file():
                left.unlink()
        yield


@contextmanager
def replaced(path: Path, durably: bool = False) -> Generator[BinaryIO]:
    """A new file for the place of an old one: a reader sees all of the one or all of the other.

    `durably`: when this is over, not even a loss of power takes it away.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=NEW, dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            if durably:
                os.fsync(descriptor)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    if durably:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
