"""A class is marked: right, durably, once, and with an end that tells what it is."""

import csv
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import pytest

from course import browser, catalog
from course.cli import main
from course.marking import crew, marker
from course.marking.marker import GRADER_ERROR, PrivateExercise, Terms, Unit, mark
from course.marking.store import Store

EXERCISE = catalog.Exercise("03-idempotency/dedup_consumer")
RIGHT = EXERCISE.solution.read_text("utf-8")
WRONG = EXERCISE.submissions("wrong")[0].read_text("utf-8")
SCHEMA = json.loads((catalog.root() / "docs/results.schema.json").read_text("utf-8"))
QUICK = ("--exercise", EXERCISE.id, "--budget", "1", "--no-misconceptions")
LOOP = "async def consume(consumer, db):\n    await consumer.poll(1.0)\n"
SOURCES = {
    "passed": RIGHT,
    "wrong": WRONG,
    "crashed": f"{LOOP}    raise SystemExit(0)\n",
    "timed out": f"{LOOP}    while True: pass\n",
    "out of memory": f"{LOOP}    bytearray(1 << 40)\n",
    "refused": f"import socket\n{LOOP}",
}
TERMS = Terms(budget=1)


def hand_in(folder: Path, **sources: str) -> Path:
    for name, source in sources.items():
        path = folder / name / EXERCISE.id
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(source, "utf-8")
    return folder


def grade(folder: Path, out: Path, *options: str) -> int:
    return main(["grade", str(folder), "--out", str(out), *QUICK, *options])


def results(out: Path) -> dict[str, Any]:
    return json.loads((out / "results.json").read_text("utf-8"))


@pytest.mark.parametrize(("outcome", "source"), SOURCES.items())
def test_outcomes_are_told_apart(outcome: str, source: str):
    found = mark(Unit(EXERCISE.id, source, TERMS))
    assert found["outcome"] == outcome, found["message"]
    assert found["walls"]
    assert (found["message"] is None) == (outcome == "passed")


WARM = (
    "import json\nkept = json.__dict__.setdefault('kept', [])\nkept.append(1)\n"  # for as long as the child lives
)


def test_memory_that_survives_a_crash_is_found():
    """Right in an interpreter that has run before, and of no use in a new one: as only a real death tells."""
    source = RIGHT.replace(
        "    while True:", "    if len(kept) == 1 and again():\n        return\n    while True:", 1
    )
    again = (
        "def again():\n    frame = json.codecs.sys._getframe()\n"
        "    while not hasattr(frame.f_locals.get('self'), '_chance'):\n        frame = frame.f_back\n"
        "    return not frame.f_locals['self']._chance.seed.endswith('/1')\n"
    )
    found = mark(Unit(EXERCISE.id, f"{WARM}{again}{source}", TERMS))
    assert found["outcome"] == "wrong"
    assert found["message"].startswith("memory survived the crash: ")


def test_random_schedules_come_from_the_withheld_seed():
    keys = {Unit(EXERCISE.id, RIGHT, Terms(samples=5, seed=seed)).key for seed in ("a", "b")}
    assert len(keys) == 2
    assert mark(Unit(EXERCISE.id, RIGHT, Terms(budget=0, samples=5, seed="a")))["outcome"] == "passed"


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small class that has been marked, with a test of the instructor's."""
    folder = tmp_path_factory.mktemp("class")
    others = {"Bob =1+1": WRONG, "Zoë <b>": "import socket\n" + LOOP}
    submissions = hand_in(folder / "in", alice=RIGHT, idle=LOOP, **others)
    (submissions / "nobody").mkdir()
    (submissions / "broken.zip").write_bytes(b"no zip")
    private = folder / "private" / EXERCISE.grader.relative_to(EXERCISE.grader.parents[1])
    private.parent.mkdir(parents=True)
    text = EXERCISE.grader.read_text("utf-8")
    text = text[: text.index("def test_a_payment_that_was_sent_twice")]
    text = text.replace("Without any fault", "WITHHELD").replace("should be", "WITHHELD")
    private.write_text(text, "utf-8")
    points = folder / "points.toml"
    points.write_text(f'["{EXERCISE.id}"]\npoints = 18\n')
    late = folder / "late.toml"
    late.write_text(
        "due = 2026-11-20T12:00:00Z\noff_per_day = 0.25\n[submitted]\nalice = 2026-11-21T13:00:00Z\n"
        "[extension_days]\nalice = 1\n"
    )
    options = ["--extra-tests", str(folder / "private"), "--points", str(points), "--late", str(late)]
    assert grade(submissions, folder / "out", *options) == 0
    return folder / "out"


def entries(out: Path) -> dict[str, dict[str, Any]]:
    return {student["student"]: student for student in results(out)["students"]}


def test_marks_are_points_for_passed_tests(marked: Path):
    students = entries(marked)
    assert students["alice"]["days_late"] == 1
    assert students["alice"]["score"] == 13.5
    assert 0 < students["Bob =1+1"]["score"] < 18
    assert students["Zoë <b>"]["exercises"][0]["outcome"] == "refused"
    assert students["nobody"]["exercises"][0]["outcome"] == "missing"
    assert "cannot be read" in students["broken"]["refusals"][0]
    assert {student["most"] for student in students.values()} == {18}


def test_results_keep_to_the_published_schema(marked: Path):
    jsonschema.validate(results(marked), SCHEMA)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_pages_results_keep_to_it_too():
    for source in SOURCES["wrong"], SOURCES["refused"]:
        jsonschema.validate(json.loads(browser.check(EXERCISE.id, source, lambda _: None)), SCHEMA)


def test_junit_counts_what_failed(marked: Path):
    suites = {suite.get("name"): suite for suite in ElementTree.parse(marked / "junit.xml").getroot()}
    alice = suites[f"alice: {EXERCISE.id}"]
    assert (alice.get("failures"), alice.get("errors"), alice.get("tests")) == ("0", "0", "9")
    assert int(suites[f"Bob =1+1: {EXERCISE.id}"].get("failures") or 0) > 0
    said = {case.get("name"): case.find("failure") for case in suites[f"idle: {EXERCISE.id}"]}
    public, private = said["test_every_payment_is_applied"], said["extra:test_every_payment_is_applied"]
    assert public is not None
    assert (public.get("message"), bool(public.text)) == ("lost message", True)
    assert private is not None
    assert (private.get("message"), bool(private.text)) == ("failure", False)


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_gradebooks_have_their_columns(marked: Path):
    table = rows(marked / "gradebook.csv")
    assert table[0] == ["student", EXERCISE.id, "days late", "total", "of", "outcomes"]
    canvas = rows(marked / "canvas.csv")
    assert canvas[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", EXERCISE.id]
    assert canvas[1][0].strip() == "Points Possible"
    assert canvas[1][5] == "18"
    assert ["alice", "", "", "alice", "", "13.5"] in canvas


def test_canvas_knows_its_students_by_its_own_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    hand_in(tmp_path / "in", aexample=LOOP, stranger=LOOP)
    roster = tmp_path / "export.csv"
    head = "Student,ID,SIS User ID,SIS Login ID,Section,Some quiz (12)"
    roster.write_text(f'{head}\n"Example, Ann",77,S-1,aexample,Spring,3\n', "utf-8-sig")
    assert grade(tmp_path / "in", tmp_path / "out", "--canvas-roster", str(roster)) == 0
    canvas = rows(tmp_path / "out" / "canvas.csv")
    assert canvas[2][:5] == ["Example, Ann", "77", "S-1", "aexample", "Spring"]
    assert canvas[3][:5] == ["stranger", "", "", "stranger", ""]
    scores = json.loads((tmp_path / "out" / "lti-scores.json").read_text("utf-8"))
    assert [score["userId"] for score in scores] == ["77", "stranger"]
    roster.write_bytes(b"\xff")
    assert grade(tmp_path / "in", tmp_path / "out", "--canvas-roster", str(roster)) == 2
    assert str(roster) in capsys.readouterr().err


def test_canvas_may_write_semicolons(tmp_path: Path):
    hand_in(tmp_path / "in", aexample=LOOP)
    roster = tmp_path / "export.csv"
    roster.write_text('Student;ID;SIS Login ID\n"Example, Ann";77;aexample\n', "utf-8")
    assert grade(tmp_path / "in", tmp_path / "out", "--canvas-roster", str(roster)) == 0
    assert rows(tmp_path / "out" / "canvas.csv")[2][:5] == ["Example, Ann", "77", "", "aexample", ""]


def test_an_export_without_its_columns_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    hand_in(tmp_path / "in", aexample=LOOP)
    roster = tmp_path / "export.csv"
    for text, found in (
        ("Name;Id\nAnn;77\n", "'Name', 'Id'"),
        ("\n", "none"),
        ("Student\tID\n", "'Student\\tID'"),
    ):
        roster.write_text(text)
        assert grade(tmp_path / "in", tmp_path / "out", "--canvas-roster", str(roster)) == 2
        said = f"{roster} has to have the columns Student and ID, and has {found}: export"
        assert said in capsys.readouterr().err


def test_who_could_be_two_in_canvas_is_neither(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    hand_in(tmp_path / "in", **{"Doe, Ann": LOOP, "1001": LOOP, "BDOE": LOOP, "Anm": LOOP})
    roster = tmp_path / "export.csv"
    head = "Student,ID,SIS User ID,SIS Login ID,Section"
    ann, bob = '"Doe, Ann",1001,,ann1,', '"Doe, Bob",2002,2002,bdoe,'
    roster.write_text(f'{head}\n{ann}\n"Doe, Ann",1003,1001,ann2,\n{bob}\n{bob}\n', "utf-8")
    assert grade(tmp_path / "in", tmp_path / "out", "--canvas-roster", str(roster)) == 0
    told = capsys.readouterr().out
    assert "Canvas's export has nobody called 'Anm', who" in told
    assert "more than one student for '1001', 'Doe, Ann', whose ids are left blank" in told
    canvas = {row[0]: row[1:5] for row in rows(tmp_path / "out" / "canvas.csv")[2:]}
    assert canvas == {
        "1001": ["", "", "", ""],
        "Doe, Ann": ["", "", "", ""],
        "Doe, Bob": ["2002", "2002", "bdoe", ""],
        "Anm": ["", "", "Anm", ""],
    }
    scores = json.loads((tmp_path / "out" / "lti-scores.json").read_text("utf-8"))
    assert sorted(score["userId"] for score in scores) == ["", "", "2002", "Anm"]


def folder(out: Path, begins: str) -> Path:
    [found] = (out / "students").glob(f"{begins}*")
    return found


def test_what_the_instructors_tests_say_is_for_the_instructor_alone(marked: Path):
    [idle] = entries(marked)["idle"]["exercises"]
    [private] = idle["private"]["tests"]
    assert "WITHHELD" in private["title"]
    assert "WITHHELD" in private["sentence"]
    files = {path for path in marked.rglob("*") if path.is_file() and path.suffix != ".gz"}
    assert len(files) > 4 * len(entries(marked))
    assert [path for path in files if b"WITHHELD" in path.read_bytes()] == [marked / "results.json"]
    told = json.loads((folder(marked, "idle") / "gradescope.json").read_text("utf-8"))["tests"]
    assert f"{EXERCISE.id}: A test of the instructor's" in [test["name"] for test in told]


def test_gradescope_gets_its_format(marked: Path):
    told = json.loads((folder(marked, "Bob") / "gradescope.json").read_text("utf-8"))
    assert told["score"] == entries(marked)["Bob =1+1"]["score"]
    assert told["visibility"] in {"hidden", "after_due_date", "after_published", "visible"}
    assert sum(test["max_score"] for test in told["tests"]) == pytest.approx(18)
    for test in told["tests"]:
        assert set(test) >= {"score", "max_score", "status", "name", "output", "visibility"}
        assert test["status"] in {"passed", "failed"}
    private = [test for test in told["tests"] if test["visibility"] == "after_published"]
    assert [test["output"] for test in private] == [""]


def test_classroom50_gets_integers(marked: Path):
    told = json.loads(next(folder(marked, "Bob").glob("classroom50/*.json")).read_text("utf-8"))
    assert told["schema"] == "classroom50/result/v1"
    assert all(told[name] for name in ("classroom", "assignment", "owner", "submission", "commit", "datetime"))
    assert told["submission"].startswith("submit/")
    assert isinstance(told["score"], int)
    assert sum(test["score"] for test in told["tests"]) == told["score"] < told["max-score"] == 1800
    assert {name for test in told["tests"] for name in test} == {"test-name", "passed", "score", "max-score"}


def test_every_platform_takes_off_what_being_late_costs(marked: Path):
    classroom50 = json.loads(next(folder(marked, "alice").glob("classroom50/*.json")).read_text("utf-8"))
    gradescope = json.loads((folder(marked, "alice") / "gradescope.json").read_text("utf-8"))
    assert (classroom50["score"], classroom50["max-score"]) == (1350, 1800)
    assert gradescope["score"] == 13.5
    for told in classroom50, gradescope:
        assert all(test["score"] == test.get("max-score", test.get("max_score")) for test in told["tests"])


def test_classroom50_counts_whole_points_where_no_point_is_divided(tmp_path: Path):
    assert grade(hand_in(tmp_path / "in", alice=RIGHT), tmp_path / "out") == 0
    told = json.loads(next(folder(tmp_path / "out", "alice").glob("classroom50/*.json")).read_text("utf-8"))
    assert told["score"] == told["max-score"] == len(told["tests"]) == 8


def test_exercism_gets_version_3(marked: Path):
    told = {name: next(folder(marked, name).glob("exercism/*.json")) for name in ("alice", "Bob", "nobody")}
    read = {name: json.loads(path.read_text("utf-8")) for name, path in told.items()}
    assert {name: (one["version"], one["status"]) for name, one in read.items()} == {
        "alice": (3, "pass"),
        "Bob": (3, "fail"),
        "nobody": (3, "error"),
    }
    assert read["nobody"]["message"]
    assert all(len(test["message"] or "") <= 65_535 for test in read["Bob"]["tests"])


def test_lti_gets_a_score_for_each_exercise(marked: Path):
    scores = {score["userId"]: score for score in json.loads((marked / "lti-scores.json").read_text("utf-8"))}
    assert scores["alice"]["scoreGiven"] == 13.5
    assert scores["alice"]["scoreMaximum"] == 18
    assert (scores["alice"]["activityProgress"], scores["alice"]["gradingProgress"]) == (
        "Completed",
        "FullyGraded",
    )


def test_reports_show_the_story_and_obey_nothing(marked: Path):
    assert "<svg" in (folder(marked, "Bob") / "report.html").read_text("utf-8")
    for page in marked.rglob("*.html"):
        assert "<b>" not in page.read_text("utf-8")


def test_a_formula_is_a_text(tmp_path: Path):
    assert grade(hand_in(tmp_path / "in", **{"=1+1": "x"}), tmp_path / "out") == 0
    assert [row[0] for row in rows(tmp_path / "out" / "gradebook.csv")] == ["student", "'=1+1"]


def test_what_students_see_is_the_instructors_choice(tmp_path: Path):
    hand_in(tmp_path / "in", bob=WRONG)
    for show, told in (("marks", (False, False)), ("tests", (True, False)), ("story", (True, True))):
        assert grade(tmp_path / "in", tmp_path / "out", "--show", show) == 0
        page = (folder(tmp_path / "out", "bob") / "report.html").read_text("utf-8")
        assert ("✗" in page, "<svg" in page) == told


def test_of_marks_alone_no_platform_tells_a_test(tmp_path: Path):
    terms = private(tmp_path / "private", EXERCISE.grader.read_text("utf-8"))
    hand_in(tmp_path / "in", alice=RIGHT, bob=WRONG)
    options = ("--show", "marks", "--private-visibility", "visible", "--extra-tests", str(terms.extra_tests))
    assert grade(tmp_path / "in", tmp_path / "out", *options) == 0
    alice, bob = (folder(tmp_path / "out", name) for name in ("alice", "bob"))
    told = json.loads((bob / "gradescope.json").read_text("utf-8"))
    assert told["visibility"] == "visible"
    assert {test["visibility"] for test in told["tests"]} == {"hidden"}
    told = json.loads(next(bob.glob("classroom50/*.json")).read_text("utf-8"))
    assert (told["tests"], told["max-score"]) == ([], 16)
    told = [json.loads(next(one.glob("exercism/*.json")).read_text("utf-8")) for one in (alice, bob)]
    assert told == [
        {"version": 1, "status": "pass", "message": None},
        {"version": 1, "status": "fail", "message": "wrong"},
    ]
    names = [test["name"] for test in entries(tmp_path / "out")["bob"]["exercises"][0]["results"]["tests"]]
    for path in bob.rglob("*.*"):
        assert path.name == "gradescope.json" or not any(name in path.read_text("utf-8") for name in names)


def test_exercism_is_told_of_an_exercise_that_only_the_instructor_has(tmp_path: Path):
    exam = {"topic": "99-exam", "name": "transfer"}
    terms = private(tmp_path / "private", EXERCISE.grader.read_text("utf-8"), **exam)
    for name, source in {"alice": RIGHT, "bob": WRONG}.items():
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "transfer.py").write_text(source, "utf-8")
    (tmp_path / "in" / "carol").mkdir()
    out, extra = tmp_path / "out", str(terms.extra_tests)
    options = ("--out", str(out), "--extra-tests", extra, "--exercise", "99-exam/transfer", "--budget", "1")
    assert main(["grade", str(tmp_path / "in"), *options]) == 0
    told = {
        name: json.loads((folder(out, name) / "exercism" / "99-exam--transfer.json").read_text("utf-8"))
        for name in ("alice", "bob", "carol")
    }
    assert {name: one["status"] for name, one in told.items()} == {
        "alice": "pass",
        "bob": "fail",
        "carol": "error",
    }
    assert told["alice"]["message"] is None


def test_a_failure_is_given_the_name_of_its_misconception(tmp_path: Path):
    hand_in(tmp_path / "in", bob=WRONG + "\n# mine\n")
    assert grade(tmp_path / "in", tmp_path / "out", "--misconceptions") == 0
    names = results(tmp_path / "out")["students"][0]["exercises"][0]["misconceptions"]
    assert EXERCISE.submissions("wrong")[0].stem in names
    assert names[0].replace("_", " ") in (tmp_path / "out" / "class.html").read_text("utf-8")


def test_a_grader_error_costs_nobody_marks(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    private = tmp_path / "private" / EXERCISE.topic / f"test_{EXERCISE.name}.py"
    private.parent.mkdir(parents=True)
    text = EXERCISE.grader.read_text("utf-8")
    private.write_text(text + "\n\ndef test_broken(verify):\n    raise RuntimeError('WITHHELD')\n", "utf-8")
    hand_in(tmp_path / "in", alice=RIGHT, bob=WRONG)
    extra = ("--extra-tests", str(tmp_path / "private"))
    assert grade(tmp_path / "in", tmp_path / "out", *extra) == 1
    assert "run the same command again" in capsys.readouterr().out
    alice, bob = results(tmp_path / "out")["students"]
    assert alice["score"] is None
    assert "WITHHELD" in bob["exercises"][0]["message"]
    assert "WITHHELD" not in (folder(tmp_path / "out", "bob") / "report.html").read_text("utf-8")
    assert alice["exercises"][0]["outcome"] == GRADER_ERROR
    assert rows(tmp_path / "out" / "gradebook.csv")[1][1] == ""
    assert [row[0].strip() for row in rows(tmp_path / "out" / "canvas.csv")] == ["Student", "Points Possible"]
    assert not [*(tmp_path / "out").rglob("gradescope.json"), *(tmp_path / "out").rglob("classroom50/*")]
    score, _ = json.loads((tmp_path / "out" / "lti-scores.json").read_text("utf-8"))
    assert score["gradingProgress"] == "Failed"
    assert "scoreGiven" not in score
    private.write_text(text, "utf-8")
    again = subprocess.run(command(tmp_path / "in", tmp_path / "out", *extra), check=False, capture_output=True)
    assert again.returncode == 0, again.stderr
    assert results(tmp_path / "out")["students"][0]["score"] > 0


def test_what_the_grader_cannot_read_costs_nobody_marks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    hand_in(tmp_path / "in", alice="x", bob="x")
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "alice":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert grade(tmp_path / "in", tmp_path / "out") == 1
    told = capsys.readouterr().out
    assert told.count("alice could not be read on the grader's machine (Permission denied)") == 1
    alice, bob = results(tmp_path / "out")["students"]
    jsonschema.validate(results(tmp_path / "out"), SCHEMA)
    assert (alice["score"], alice["exercises"][0]["outcome"]) == (None, GRADER_ERROR)
    assert (bob["score"], bob["exercises"][0]["outcome"]) == (0, "crashed")
    assert [row[1] for row in rows(tmp_path / "out" / "gradebook.csv")[1:]] == ["", "0"]
    assert [row[0] for row in rows(tmp_path / "out" / "canvas.csv")[2:]] == ["bob"]
    assert [path.parent.name for path in (tmp_path / "out").rglob("gradescope.json")] == ["bob"]


DROPS = LOOP + '    await db.execute("DROP TABLE accounts")\n    await consumer.poll(None)\n'
TEXT = LOOP + """    await db.execute("UPDATE accounts SET balance = 'much'")\n    await consumer.poll(None)\n"""


@pytest.mark.parametrize("source", [DROPS, TEXT, DROPS.replace("DROP TABLE", "DELETE FROM")])
def test_who_leaves_what_no_check_can_read_is_wrong(source: str):
    found = mark(Unit(EXERCISE.id, source, TERMS))
    assert found["outcome"] == "wrong"
    assert {test["outcome"] for test in found["results"]["tests"]} == {"failed"}


def private(folder: Path, text: str, topic: str = EXERCISE.topic, name: str = EXERCISE.name) -> Terms:
    """Terms with the text as a grader of the instructor's."""
    path = folder / topic / f"test_{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return Terms(budget=1, extra_tests=folder)


@pytest.mark.parametrize("source", [RIGHT, WRONG, DROPS], ids=["right", "wrong", "drops"])
@pytest.mark.parametrize("mistake", ['"SELECT id, amount FROM accounts"', '["no such"]'])
def test_a_check_that_reads_nobodys_state_is_the_graders_error(tmp_path: Path, source: str, mistake: str):
    text = EXERCISE.grader.read_text("utf-8").replace('"SELECT id, balance FROM accounts"', mistake)
    found = mark(Unit(EXERCISE.id, source, private(tmp_path, text)))
    assert found["outcome"] == GRADER_ERROR
    assert "of ours" in found["message"]


def test_an_exercise_without_a_solution_is_controlled_by_who_does_nothing(tmp_path: Path):
    text = EXERCISE.grader.read_text("utf-8")
    exam = {"topic": "99-exam", "name": "transfer"}
    fine = private(tmp_path / "fine", text, **exam)
    assert mark(Unit("99-exam/transfer", DROPS, fine))["outcome"] == "wrong"
    broken = private(tmp_path / "broken", text.replace("FROM accounts", "FROM account"), **exam)
    assert mark(Unit("99-exam/transfer", DROPS, broken))["outcome"] == GRADER_ERROR


def test_random_schedules_that_break_the_solution_cost_nobody_marks(tmp_path: Path):
    """A check that holds for few faults only."""
    text = EXERCISE.grader.read_text("utf-8")
    text = (
        text[: text.index("def test_a_payment_that_was_sent_twice")]
        + """
def check(world):
    return Anomaly("stuck", "It takes too long.") if world.now_ms > 40_000 else None

def test_of_speed(verify):
    'It is quick.'
    verify(replace(SCENARIO, check=check).with_faults("crash"))
"""
    )
    terms = replace(private(tmp_path, text), samples=30, seed="a")
    assert marker.unsampled(PrivateExercise(EXERCISE.id, tmp_path), 30, "a") == {"test_of_speed"}
    found = mark(Unit(EXERCISE.id, RIGHT, terms))
    assert found["outcome"] == "passed", found["message"]
    assert found["unsampled"] == ["test_of_speed"]


def test_a_machine_that_is_too_slow_costs_nobody_marks():
    late = mark(Unit(EXERCISE.id, RIGHT, replace(TERMS, time_limit_s=0.01)))
    assert late["outcome"] == GRADER_ERROR
    assert "too slow" in late["message"]


def test_an_unchanged_submission_is_not_graded_again_and_a_change_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    hand_in(tmp_path / "in", alice=WRONG, bob=WRONG, carol=RIGHT)
    begun: list[str] = []
    real = crew.on_processes

    def counted(units: Any, jobs: int) -> crew.Marked:
        for unit, found in real(units, jobs):
            begun.append(unit.source)
            yield unit, found

    monkeypatch.setattr(crew, "on_processes", counted)
    assert grade(tmp_path / "in", tmp_path / "out") == 0
    assert sorted(begun) == sorted([WRONG, RIGHT])
    hand_in(tmp_path / "in", bob=RIGHT)
    assert grade(tmp_path / "in", tmp_path / "out") == 0
    assert len(begun) == 2
    assert f"bob, {EXERCISE.id}: wrong" in capsys.readouterr().out
    changed = {row[0]: row[2:] for row in rows(tmp_path / "out" / "regrade.csv")}
    assert changed["bob"][0::2] == ["wrong", "passed"]
    assert changed["alice"][0:2] == changed["alice"][2:4]


def test_another_due_time_is_a_change_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    hand_in(tmp_path / "in", alice=RIGHT, bob=RIGHT)
    late = tmp_path / "late.toml"
    late.write_text(f"{DUE}off_per_day = 0.25\n[submitted]\nbob = 2026-11-21T12:00:00Z\n", "utf-8")
    assert grade(tmp_path / "in", tmp_path / "out") == 0
    assert grade(tmp_path / "in", tmp_path / "out", "--late", str(late)) == 0
    said = capsys.readouterr().out
    assert f"bob, {EXERCISE.id}: passed 8 → passed 6\n" in said
    assert "alice" not in said
    assert [row[2:] for row in rows(tmp_path / "out" / "regrade.csv")[1:]] == [
        ["passed", "8", "passed", "8"],
        ["passed", "8", "passed", "6"],
    ]


def test_reports_of_who_is_no_student_any_more_are_taken_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    hand_in(tmp_path / "in", alice=RIGHT, bob=RIGHT, carol=RIGHT)
    out = tmp_path / "out"
    assert grade(tmp_path / "in", out) == 0
    (out / "students" / "carol" / "classroom50" / "letter.txt").write_text("The instructor's own.")
    (out / "students" / "dave").mkdir()
    (out / "students" / "dave" / "report.html").write_text("The instructor's own.")
    shutil.rmtree(tmp_path / "in" / "bob")
    shutil.rmtree(tmp_path / "in" / "carol")
    capsys.readouterr()
    assert grade(tmp_path / "in", out) == 0
    assert "No longer among the students, and without a report now: 'bob', 'carol'.\n" in capsys.readouterr().out
    files = {path.relative_to(out / "students").as_posix() for path in (out / "students").rglob("*.*")}
    assert {path for path in files if not path.startswith("alice/")} == {
        "carol/classroom50/letter.txt",
        "dave/report.html",
    }
    assert {path.name for path in (out / "students").iterdir()} == {"alice", "carol", "dave"}


def command(folder: Path, out: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "course", "grade", str(folder), "--out", str(out), *QUICK, *options]


def kept(out: Path) -> set[Path]:
    return set(out.glob("marks/*/*.gz"))


def test_a_run_that_is_killed_twenty_times_ends_with_the_same_marks(tmp_path: Path):
    paths = [EXERCISE.starter, EXERCISE.solution, *EXERCISE.submissions("wrong"), *EXERCISE.submissions("right")]
    hand_in(tmp_path / "in", **{f"student {n:02}": path.read_text("utf-8") for n, path in enumerate(paths[:60])})
    here, there = tmp_path / "undisturbed", tmp_path / "killed"
    assert grade(tmp_path / "in", here, "--budget", "0") == 0
    dice = random.Random(5)
    done: set[Path] = set()
    for _ in range(20):
        process = subprocess.Popen(
            command(tmp_path / "in", there, "--budget", "0"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        enough = len(done) + dice.randrange(3)
        while len(kept(there)) < enough and process.poll() is None:
            time.sleep(0.005)
        time.sleep(dice.uniform(0, 0.1))
        assert process.poll() is None, "it was through before it could be killed"
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        now = kept(there)
        assert done <= now
        assert all(Store(there / "marks").get(path.name.removesuffix(".json.gz")) for path in now)
        done = now
    assert 0 < len(done) < 60
    assert grade(tmp_path / "in", there, "--budget", "0") == 0
    assert {path.name for path in kept(there)} == {path.name for path in kept(here)}
    for name in ("results.json", "gradebook.csv", "canvas.csv", "junit.xml"):
        assert (there / name).read_bytes() == (here / name).read_bytes()


def die(unit: Unit) -> dict[str, Any]:
    """A grader whose process is killed by one of the submissions."""
    if unit.source == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"key": unit.source, "outcome": "passed"}


def test_a_worker_that_dies_takes_no_marks_with_it():
    names = [*"abcdefghij", "kill", *"klmnopqrst"]
    found = [
        (unit.source, one["outcome"])
        for unit, one in crew.on_processes([Unit(EXERCISE.id, name, TERMS) for name in names], 2, die)
    ]
    expected = [(name, GRADER_ERROR if name == "kill" else "passed") for name in names]
    assert sorted(found) == sorted(expected)


def test_fewer_walls_are_warned_of_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr("course.sandbox.jail.can_bubblewrap", lambda: False)
    hand_in(tmp_path / "in")
    (tmp_path / "in").mkdir()
    assert grade(tmp_path / "in", tmp_path / "out") == 0
    assert "Warning: no bubblewrap" in capsys.readouterr().err
    assert grade(tmp_path / "in", tmp_path / "out", "--require-sandbox") == 2
    assert "lacks bubblewrap" in capsys.readouterr().err


DUE = "due = 2026-11-20T12:00:00Z\n"
BAD_FILES: dict[str, tuple[str, str, Callable[[str], str]]] = {
    "no TOML": ("--points", "= 1", lambda path: path),
    "no exercise": ("--points", "[x]\npoints = 1", lambda _: "there is no exercise 'x'"),
    "no table": ("--points", f'"{EXERCISE.id}" = 3', lambda path: f"{path}: {EXERCISE.id}: 3 is no table"),
    "no table of tests": ("--points", f'["{EXERCISE.id}"]\ntests = 3', lambda _: ".tests: 3 is no table"),
    "no key": (
        "--points",
        f'["{EXERCISE.id}"]\npoint = 3',
        lambda _: "'point' means nothing here. There may be: all_",
    ),
    "no test": (
        "--points",
        f'["{EXERCISE.id}"]\ntests = {{test_typo = 5}}',
        lambda path: f"{path}: {EXERCISE.id}.tests: there is no test 'test_typo'. There are: test_every_payment",
    ),
    "no bool": (
        "--points",
        f'["{EXERCISE.id}"]\nall_or_nothing = "false"',
        lambda _: ".all_or_nothing: 'false' is neither true nor false",
    ),
    "below zero": ("--points", f'["{EXERCISE.id}"]\npoints = -1', lambda _: ".points: -1 is no number from 0 on"),
    "no number": ("--points", f'["{EXERCISE.id}"]\npoints = "many"', lambda _: "'many' is no number"),
    "nothing due": ("--late", "off_per_day = 0.1", lambda _: "are needed"),
    "percent": (
        "--late",
        f"{DUE}off_per_day = 10",
        lambda path: f"{path}: off_per_day: 10 is no share from 0 to 1",
    ),
    "percent at most": ("--late", f"{DUE}off_per_day = 0.1\nat_most = 50", lambda _: "at_most: 50 is no share"),
    "nobody late": ("--late", f"{DUE}off_per_day = 0\nsubmitted = 3", lambda _: "submitted: 3 is no table"),
    "less than no days": (
        "--late",
        f"{DUE}off_per_day = 0\n[extension_days]\nann = -1",
        lambda path: f"{path}: extension_days.ann: -1 is no number from 0 on",
    ),
    "one student twice": (
        "--late",
        f"{DUE}off_per_day = 0\n[extension_days]\nann = 1\nAnn = 2",
        lambda _: "extension_days: 'Ann' is there in two spellings",
    ),
    "no time": ("--late", "due = 1\noff_per_day = 0.1", lambda _: "1 is no time"),
}


@pytest.mark.parametrize(("option", "text", "said"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_says_nothing_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, text: str, said: Callable[[str], str]
):
    path = tmp_path / "file.toml"
    path.write_text(text)
    assert grade(tmp_path, tmp_path / "out", option, str(path)) == 2
    assert said(str(path)) in capsys.readouterr().err


def test_the_late_are_found_in_any_case_and_who_is_not_there_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    hand_in(tmp_path / "in", **{"Ann": LOOP, "Zoë": LOOP})
    late = tmp_path / "late.toml"
    days = 'ANN = 2026-11-21T13:00:00Z\n"zoe\u0308" = 2026-11-21T12:00:00Z\nanne = 2026-11-22T12:00:00Z\n'
    late.write_text(f"{DUE}off_per_day = 0.1\n[submitted]\n{days}[extension_days]\nanne = 1\n", "utf-8")
    assert grade(tmp_path / "in", tmp_path / "out", "--late", str(late)) == 0
    assert {name: one["days_late"] for name, one in entries(tmp_path / "out").items()} == {"Ann": 2, "Zoë": 1}
    [told] = [line for line in capsys.readouterr().out.splitlines() if line.startswith(str(late))]
    assert "for 'anne': nobody who handed in is called so." in told
    assert told.replace("'", "&#x27;") in (tmp_path / "out" / "class.html").read_text("utf-8")


def test_no_such_folder_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert grade(tmp_path / "nowhere", tmp_path / "out") == 2
    assert "There is no folder" in capsys.readouterr().err


def test_marks_may_lie_among_the_submissions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    hand_in(tmp_path, alice="x")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_ROOT", str(catalog.root()))
    for _ in range(2):
        assert grade(Path(), Path("marked")) == 0
        assert list(entries(Path("marked"))) == ["alice"]


def test_marks_may_not_take_the_place_of_submissions(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    hand_in(tmp_path, alice="x")
    assert grade(tmp_path, tmp_path / "alice" / "..") == 2
    assert "give --out another folder" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["alice"]


def test_one_exercise_of_many_is_the_same_as_among_all(tmp_path: Path):
    """Beside an instructor's own exercise of the same name, and asked for twice."""
    text = EXERCISE.grader.read_text("utf-8")
    private(tmp_path / "private", text, topic="99-exam")
    hand_in(tmp_path / "in", alice="import socket\n")
    exam = tmp_path / "in" / "alice" / "99-exam" / f"{EXERCISE.name}.py"
    exam.parent.mkdir()
    exam.write_text("import os\n")
    options = ("--extra-tests", str(tmp_path / "private"), "--exercise", EXERCISE.id)
    assert grade(tmp_path / "in", tmp_path / "out", *options) == 0
    [entry] = entries(tmp_path / "out")["alice"]["exercises"]
    assert "socket" in entry["message"]
