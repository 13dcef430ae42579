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


def test_the_archive_is_the_same_for_the_same_course(tmp_path: Path):
    for name in ("a.zip", "b.zip"):
        main(["autograder", str(tmp_path / name)])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
