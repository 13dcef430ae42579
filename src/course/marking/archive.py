"""`course autograder OUT.zip`: the archive that Gradescope builds an autograder from.

It has what grades (the sources, the starters, the graders), `setup.sh` and `run_autograder`, which only calls
`course grade`; it has neither solutions nor submissions nor pages.
"""

import argparse
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from course.catalog import root

SCRIPTS = Path(__file__).with_name("autograder")
FOLDERS = ("src", "exercises", "tests/graders")  # and nothing that would pass
FILES = ("pyproject.toml", "requirements.lock", "README.md")
EPOCH = (1980, 1, 1, 0, 0, 0)  # so that the same course gives the same archive
EXECUTABLE, READABLE = 0o100755, 0o100644


def add(actions: Any) -> None:
    """Adds `course autograder` to the command line."""
    parser: argparse.ArgumentParser = actions.add_parser("autograder", help="build Gradescope's autograder")
    parser.add_argument("archive", type=Path, metavar="OUT.zip")
    parser.set_defaults(command=build)


def build(options: argparse.Namespace) -> int:
    """Writes the archive."""
    with zipfile.ZipFile(options.archive, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in _members():
            member = zipfile.ZipInfo(name, EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (EXECUTABLE if path.parent == SCRIPTS else READABLE) << 16
            archive.writestr(member, path.read_bytes())
    print(f"{options.archive} is ready: upload it as the assignment's autograder.")
    return 0


def _members() -> Iterator[tuple[str, Path]]:
    for path in sorted(SCRIPTS.iterdir()):
        yield path.name, path
    for name in FILES:
        yield name, root() / name
    for folder in FOLDERS:
        for path in sorted((root() / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(root()).as_posix(), path
