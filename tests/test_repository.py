"""Rules that every file of the repository keeps."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRACKED = subprocess.run(
    ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
).stdout.split("\0")
FILES = [path for name in TRACKED if name and (path := ROOT / name).is_file()]
TEXTS = {path: path.read_text("utf-8") for path in FILES if b"\0" not in path.read_bytes()}
LOCKS = sorted(ROOT.glob("requirements*.lock"))

# In pieces, so that this file keeps the rule too.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb", "debian", "org"),
    )
]
OF_A_MACHINE = re.compile(r"(?:^|[\s\"'`=:(])/(?:root|home|Users|work)/", re.MULTILINE)


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


@pytest.mark.parametrize("host", REGISTRIES)
def test_no_file_names_a_registry(host: str):
    assert not names([path for path, text in TEXTS.items() if host in text])


def test_no_file_has_a_path_of_one_machine():
    assert not names([path for path, text in TEXTS.items() if OF_A_MACHINE.search(text)])


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_and_hashed(lock: Path):
    requirements = re.sub(r"\\\n\s*", " ", lock.read_text())
    lines = [line for line in requirements.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[\w.-]+==\S+ +(; .+? +)?(?=--hash)", line), line
        assert re.fullmatch(r"(--hash=sha256:[0-9a-f]{64} *)+", line[line.index("--hash") :]), line


def test_every_package_of_the_page_is_hashed_and_has_no_address():
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package.get("link") or "integrity" in package, name


def test_commands_can_be_executed():
    scripts = sorted((ROOT / ".ci").iterdir())
    assert scripts
    assert [script.name for script in scripts if not os.access(script, os.X_OK)] == []


def test_every_decision_is_listed():
    folder = ROOT / "docs/decisions"
    listed = set(re.findall(r"\(([\w-]+\.md)\)", (folder / "index.md").read_text()))
    assert listed == {path.name for path in folder.glob("*.md")} - {"index.md"}
