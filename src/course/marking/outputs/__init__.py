"""What a gradebook is written as: one module for each kind of reader.

Rules
- Nothing that a student wrote is obeyed: it is escaped for HTML, XML, CSV and terminals.
- Students see what the instructor shows. The withheld seed is nowhere. What the instructor's tests say, by title
  and sentence, is in results.json alone; their names are where a machine has to tell them apart.
- Of a class of any size one student's marks are in memory: files for the class are written as it goes.
- The same marks give the same files, byte for byte, but for three: lti-scores.json has the time, Classroom50's
  have the time and what its environment says, and regrade.csv compares with the results.json of the run before.
"""

import hashlib
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from course.marking.gradebook import EXTRA
from course.marking.store import replaced

MOST_NAMES = 20  # in a line
REPORTS = ("report.html", "gradescope.json", "classroom50/*.json", "exercism/*.json")  # in a student's folder
SHOW = ("marks", "tests", "story")  # each more than the one before
VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")  # Gradescope's


@dataclass(frozen=True)
class View:
    """What students see, and when they see how they did in the instructor's own tests."""

    show: str = "story"
    private: str = "after_published"


def title_of(name: str, test: dict[str, Any]) -> str:
    """What a student is told that a test is; `name` is its name in the gradebook."""
    return "A test of the instructor's" if name.startswith(EXTRA) else test["title"]


def folder_of(out: Path, student: str) -> Path:
    """A student's own folder, which may not be there yet; a name that is no good file name gets a number."""
    clean = re.sub(r"[^\w@.-]+", "_", student)[:80].strip(".") or "student"
    if clean != student:
        clean += "-" + hashlib.sha256(student.encode()).hexdigest()[:8]
    return out / "students" / clean


def take_away(folder: Path) -> None:
    """Removes a student's reports, and the folder unless somebody else put something into it."""
    for pattern in REPORTS:
        for path in folder.glob(pattern):
            path.unlink()
    for emptied in (folder / "classroom50", folder / "exercism", folder):
        with suppress(OSError):
            emptied.rmdir()


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
