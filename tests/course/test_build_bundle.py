"""What is bundled for the page is a function of the tree: not of when, where or as whom it is made."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from course.build import bundle

ROOT = Path(__file__).parents[2]
TREE = ("src", "exercises", "tests/graders", "pyproject.toml", "README.md", "LICENSE", "requirements.lock")


def made_in(folder: Path, umask: int, time: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The manifest of a bundle made of a copy of the tree, whose files are of this time and mode."""
    for name in TREE:
        source, copy = ROOT / name, folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, copy) if source.is_dir() else shutil.copy(source, copy)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    shutil.copytree(ROOT / bundle.CACHE, folder / bundle.CACHE)
    for path in folder.rglob("*.py"):
        path.chmod(0o666 & ~umask)
        os.utime(path, (time, time))
    monkeypatch.chdir(folder)
    before = os.umask(umask)
    try:
        return bundle.make_parts()
    finally:
        os.umask(before)


def test_two_bundles_of_one_tree_are_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    one, other = tmp_path / "one", tmp_path / "the other"
    manifest = made_in(one, 0o077, 10**9, monkeypatch)
    assert made_in(other, 0o002, 2 * 10**9, monkeypatch) == manifest
    made = sorted(path.relative_to(one) for path in (one / bundle.ASSETS).rglob("*") if path.is_file())
    assert len(made) == len(bundle.RUNTIME) + len(bundle.NEEDED) + 3  # ours, the lock and the data
    for path in made:
        assert (one / path).read_bytes() == (other / path).read_bytes(), path


def test_an_asset_takes_the_place_of_its_older_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bundle, "ASSETS", tmp_path)
    first = bundle.asset("course", "zip", b"1")
    bundle.asset("course-other", "zip", b"1")
    second = bundle.asset("course", "zip", b"2")
    assert first != second
    assert not (tmp_path / first).exists()
    assert len(list(tmp_path.iterdir())) == 2
