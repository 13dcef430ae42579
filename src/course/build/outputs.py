"""Keeps what a lesson's cells put out, under a key made of everything that can change it.

That is: the text of its code cells, the files beside it, the files of its topic's exercises, our two
packages, the lock and the Python. Prose is not in the key, so editing it executes nothing.
"""

import hashlib
import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVERY_LESSON = ("src/**/*.py", "requirements.lock")
ITS_TOPIC = ("lessons/{0}/**/*", "exercises/{0}/**/*", "solutions/{0}/**/*", "tests/*/{0}/**/*")

Output = dict[str, Any]


@dataclass(frozen=True)
class Kept:
    """Where the outputs of one lesson are, or would be."""

    root: Path
    topic: str
    code: Sequence[str]

    @property
    def folder(self) -> Path:
        return self.root / "build" / "lessons"

    @property
    def path(self) -> Path:
        return self.folder / f"{self.topic}.{self._key()}.json"

    def load(self) -> list[list[Output]] | None:
        return json.loads(self.path.read_text("utf-8")) if self.path.exists() else None

    def save(self, outputs: list[list[Output]]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for stale in self.folder.glob(f"{self.topic}.*.json"):
            stale.unlink()
        self.path.write_text(json.dumps(outputs), "utf-8")

    def _key(self) -> str:
        digest = hashlib.sha256(platform.python_version().encode())
        for cell in self.code:
            digest.update(hashlib.sha256(cell.encode()).digest())
        for file in self._files():
            digest.update(str(file.relative_to(self.root)).encode() + b"\0")
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()[:16]

    def _files(self) -> Iterator[Path]:
        for pattern in (*EVERY_LESSON, *(pattern.format(self.topic) for pattern in ITS_TOPIC)):
            for file in sorted(self.root.glob(pattern)):
                generated = "__pycache__" in file.parts
                if file.is_file() and file.name != "index.md" and not generated:
                    yield file
