"""The class in pytest: a test for each student of each exercise, with the verdicts of `course grade`."""

import pytest

from course.catalog import Exercise, root

pytest_plugins = ["pytester"]
EXERCISE = Exercise("03-idempotency/dedup_consumer")


def test_there_is_a_test_for_each_student(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COURSE_ROOT", str(root()))
    submissions = pytester.mkdir("class")
    for name, source in (("alice", EXERCISE.solution), ("bob", EXERCISE.starter)):
        (submissions / name).mkdir()
        (submissions / name / "dedup_consumer.py").write_bytes(source.read_bytes())
    (submissions / "carol.zip").write_bytes(b"no zip")
    options = ["-p", "course.pytest_plugin", "--import-mode=importlib", "-c", str(root() / "pyproject.toml")]
    options += ["--submissions", str(submissions), "--faults", "1", "-k", "a_crash_at_every_await", "-v"]
    result = pytester.runpytest_subprocess(*options, str(EXERCISE.grader))
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*a_crash_at_every_await?alice? PASSED*", "*carol.zip: *cannot be read*"])
    result.stdout.no_fnmatch_line("*Run it again*")  # there is no file by the name that the program has here
