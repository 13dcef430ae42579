"""The autograder's archive has all that its scripts need, and they do what Gradescope asks for."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from course.catalog import Exercise, root
from course.cli import main
from course.marking.archive import SCRIPTS

EXERCISE = Exercise("03-idempotency/dedup_consumer")


def test_the_archive_grades_a_submission(tmp_path: Path):
    assert main(["autograder", str(tmp_path / "autograder.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        archive.extractall(tmp_path / "source")
        assert EXERCISE.solution.read_bytes() not in [archive.read(name) for name in archive.namelist()]
        assert not [name for name in archive.namelist() if "submissions/" in name]
        scripts = {name: archive.getinfo(name).external_attr >> 16 for name in ("setup.sh", "run_autograder")}
    assert all(mode & 0o111 for mode in scripts.values())
    place = tmp_path / "autograder"
    (place / "submission").mkdir(parents=True)
    (place / "submission" / "dedup_consumer.py").write_bytes(EXERCISE.starter.read_bytes())
    shutil.move(tmp_path / "source", place / "source")
    (place / "course" / "bin").mkdir(parents=True)
    (place / "course" / "bin" / "course").symlink_to(Path(sys.executable).parent / "course")
    script = (place / "source" / "run_autograder").read_text().replace("/autograder", str(place))
    subprocess.run(["bash", "-c", script], check=True, timeout=120, env={**os.environ, "COURSE_ROOT": str(root())})
    told = json.loads((place / "results" / "results.json").read_text("utf-8"))
    assert 0 < told["score"] < sum(test["max_score"] for test in told["tests"])


def set_up(place: Path, **commands: str) -> subprocess.CompletedProcess[str]:
    """What setup.sh says where there are only these commands, and apt-get."""
    for name, script in {"bin/apt-get": "exit 0", "course/bin/pip": "exit 0", **commands}.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    script = (SCRIPTS / "setup.sh").read_text().replace("/autograder", str(place))
    bash = shutil.which("bash") or "bash"
    environment = {"PATH": str(place / "bin")}
    return subprocess.run([bash, "-c", script], capture_output=True, text=True, check=False, env=environment)


def test_a_python_that_is_too_old_is_told_in_one_sentence(tmp_path: Path):
    told = set_up(tmp_path, **{"bin/python3": "exit 1"})
    assert told.returncode == 1
    assert told.stderr.splitlines() == [
        "The course needs Python 3.12 or newer: choose a base image that has it, such as Ubuntu 24.04, and build "
        "again."
    ]


def test_a_newer_python_beside_an_old_one_is_found(tmp_path: Path):
    newer = f'echo "$1 $2" >> {tmp_path}/asked'
    told = set_up(tmp_path, **{"bin/python3": "exit 1", "bin/python3.12": newer})
    assert told.returncode == 0, told.stderr
    assert (tmp_path / "asked").read_text().splitlines()[-1] == "-m venv"


def test_the_archive_is_the_same_for_the_same_course(tmp_path: Path):
    for name in ("a.zip", "b.zip"):
        main(["autograder", str(tmp_path / name)])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
