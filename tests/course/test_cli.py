"""The command line: what it prints, what it returns, and what it says when it cannot."""

from pathlib import Path

import pytest

from course.catalog import exercise
from course.cli import main

EXERCISE = exercise("03-idempotency/dedup_consumer")


def test_a_solution_passes(capsys: pytest.CaptureFixture[str]):
    assert main(["check", str(EXERCISE.solution)]) == 0
    said = capsys.readouterr().out
    assert said.count("✓") == 8
    assert "✗" not in said


def test_a_starter_fails_with_its_story_and_a_token_that_replays_it(capsys: pytest.CaptureFixture[str]):
    assert main(["check", str(EXERCISE.starter)]) == 1
    said = capsys.readouterr().out
    assert "crashes" in said or "again" in said
    token = said.partition("--replay ")[2].split()[0]
    assert main(["check", str(EXERCISE.starter), "--replay", token]) == 1
    again = capsys.readouterr().out
    assert again.count("✗") == 1
    assert "duplicate effect" in again


def test_more_faults_are_tried_when_asked(capsys: pytest.CaptureFixture[str]):
    def known(budget: str) -> int:
        main(["check", str(EXERCISE.solution), "--faults", budget])
        return int(capsys.readouterr().out.splitlines()[-1].rpartition("run, ")[2].split()[0].replace(",", ""))

    assert known("0") < known("1") < known("2")


def test_the_story_is_written_as_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    page = tmp_path / "story.html"
    assert main(["check", str(EXERCISE.starter), "--html", str(page)]) == 1
    text = page.read_text("utf-8")
    assert "<svg" in text
    assert "duplicate effect" in text.lower()
    assert str(page) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "nowhere.py"], "There is no file nowhere.py"),
        (["check", "{other}"], "--exercise ID"),
        (["check", "{starter}", "--exercise", "99-x/y"], "03-idempotency/dedup_consumer"),
        (["check", "{starter}", "--replay", "nonsense:1.1"], "no test is called test_nonsense"),
        (["check", "{binary}"], "is not UTF-8 text"),
        (["check", "{starter}", "--html", "no/such/folder/x.html"], "no/such/folder"),
        (["new", "outbox"], "is no exercise id"),
        (["new", "03-idempotency/dedup_consumer"], "is there already"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_cannot_be_done_is_said(
    arguments: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    other, binary = tmp_path / "other.py", tmp_path / "dedup_consumer.py"
    other.write_text("")
    binary.write_bytes(b"\xff\xfe\x00")
    places = {"other": other, "binary": binary, "starter": EXERCISE.starter}
    assert main([argument.format(**places) for argument in arguments]) == 2
    assert said in capsys.readouterr().err


def test_a_token_of_another_program_is_no_verdict_about_this_one(capsys: pytest.CaptureFixture[str]):
    assert main(["check", str(EXERCISE.starter), "--replay", "a_crash_at_every_await:999.1"]) == 1
    assert "another version of the program" in capsys.readouterr().out


def test_a_new_exercise_has_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COURSE_ROOT", str(tmp_path))
    assert main(["new", "04-outbox/relay"]) == 0
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py")}
    assert made == {
        "exercises/04-outbox/relay.py",
        "solutions/04-outbox/relay.py",
        "tests/graders/04-outbox/test_relay.py",
    }
    assert main(["check", str(tmp_path / "exercises/04-outbox/relay.py")]) == 1
