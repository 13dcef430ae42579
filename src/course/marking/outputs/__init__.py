"""What a gradebook is written as: one module for each kind of reader.

Rules
- Nothing that a student wrote is obeyed: it is escaped for HTML, XML, CSV and terminals.
- Students see what the instructor shows; the withheld seed and the text of the instructor's tests are nowhere.
- Of a class of any size one student's marks are in memory: files for the class are written as it goes.
- The same marks give the same files, byte for byte, but for the time that some platforms ask for.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course.marking.store import replaced

MOST_NAMES = 20  # in a line
SHOW = ("marks", "tests", "story")  # each more than the one before
VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")  # Gradescope's


@dataclass(frozen=True)
class View:
    """What students see, and when they see how they did in the instructor's own tests."""

    show: str = "story"
    private: str = "after_published"


def folder_of(out: Path, student: str) -> Path:
    """A student's own folder; a name that is no good file name gets a number."""
    clean = re.sub(r"[^\w@.-]+", "_", student)[:80].strip(".") or "student"
    if clean != student:
        clean += "-" + hashlib.sha256(student.encode()).hexdigest()[:8]
    folder = out / "students" / clean
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def listed(names: list[str]) -> str:
    """Names in one line; of very many the first."""
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return ", ".join(map(repr, names[:MOST_NAMES])) + more


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as file:
        file.write(encoded(text))


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")
