"""Where something is missing, the commands say what, in one sentence."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sh", "make", "find", "touch", "rm", "mkdir", "sed")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A machine with `make` and little else, and a clone of what `make` reads first."""
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (tmp_path / "bin" / tool).symlink_to(found)
    for file in ("Makefile", "pyproject.toml", "requirements.lock", "requirements-node.lock"):
        shutil.copy(ROOT / file, tmp_path)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    (tmp_path / "src").mkdir()
    return tmp_path


def program(bare: Path, name: str, script: str) -> None:
    path = bare / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run(bare: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(bare / "bin"), "HOME": str(bare)}
    return subprocess.run(command, cwd=bare, env=environment, capture_output=True, text=True, check=False)


def test_no_python(bare: Path):
    result = run(bare, "make", "build")
    assert result.returncode != 0
    assert "Python 3.12 or newer, with its venv module, was not found" in result.stderr


def test_an_old_python_does_not_count(bare: Path):
    program(bare, "python3", "exit 1")
    result = run(bare, ".ci/find-python")
    assert result.returncode == 1
    assert "Python 3.12 or newer" in result.stderr


def test_a_python_that_only_pyenv_knows_is_found(bare: Path):
    hidden = bare / ".pyenv/versions/3.13.0/bin"
    hidden.mkdir(parents=True)
    (hidden / "python3").symlink_to(sys.executable)
    assert run(bare, ".ci/find-python").stdout == f"{hidden}/python3\n"


@pytest.mark.parametrize(("version", "enough"), [(18, False), (20, True), (24, True)])
def test_node_has_to_be_20_or_newer(bare: Path, version: int, enough: bool):
    program(bare, "npm", "true")
    # Answers like node: its exit code is 1 where the version is below the 20 in the expression.
    program(bare, "node", f'case "$2" in *"< 20 ? 1 : 0"*) [ {version} -ge 20 ];; *) exit 9;; esac')
    assert (run(bare, ".ci/find-node").returncode == 0) is enough


def test_no_node(bare: Path):
    result = run(bare, ".ci/find-node")
    assert (result.returncode, result.stderr) == (1, "Node 20 or newer was not found.\n")


def test_no_chromium(bare: Path):
    result = run(bare, "make", "test")
    assert result.returncode != 0
    assert "Chromium was not found: install it" in result.stderr


def test_a_taken_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        result = subprocess.run(
            [sys.executable, "-m", "course.build.port", str(port)],
            capture_output=True,
            text=True,
            check=False,
            env=os.environ,
        )
    assert result.returncode == 1
    assert result.stderr == f"Port {port} is taken. Choose another: make serve PORT={port + 1}\n"


def test_help_lists_the_commands(bare: Path):
    listed = run(bare, "make", "help").stdout
    for command in ("serve", "test", "bench", "build", "lint", "clean"):
        assert f"make {command}" in listed
