"""Lessons are executed in a real kernel: once, and with an error that says where it is."""

import json
import sys
from pathlib import Path

import jupytext
import pytest
from mkdocs.exceptions import BuildError

from course.build import executor

CELL = "```python\n{}\n```\n"
COUNTS_ITS_RUNS = CELL.format("with open('runs', 'a') as runs:\n    print(runs.write('x'))")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(executor, "ROOT", tmp_path)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    return tmp_path


def execute(root: Path, topic: str, text: str, **settings: object):
    lesson = root / "lessons" / topic / "index.md"
    lesson.parent.mkdir(parents=True, exist_ok=True)
    lesson.write_text(text)
    run = executor.LessonExecutor(enabled=True, kernel_name="python3", **settings)
    nb, _ = run.preprocess(jupytext.read(lesson), {"metadata": {"path": str(lesson.parent)}})
    return [output for cell in nb.cells for output in cell.get("outputs", ())]


def runs(root: Path, topic: str) -> int:
    return len((root / "lessons" / topic / "runs").read_text())


def test_only_a_lesson_whose_code_changed_is_executed(root: Path, monkeypatch: pytest.MonkeyPatch):
    # What the cells write would count as a file beside the lesson.
    monkeypatch.setattr("course.build.outputs.ITS_TOPIC", ())
    for topic in ("03-idempotency", "04-outbox"):
        execute(root, topic, COUNTS_ITS_RUNS)
    again = execute(root, "03-idempotency", "New prose.\n\n" + COUNTS_ITS_RUNS)
    assert [output.text for output in again] == ["1\n"]
    assert runs(root, "03-idempotency") == 1

    execute(root, "03-idempotency", COUNTS_ITS_RUNS + "\n" + CELL.format("1 + 1"))
    assert runs(root, "03-idempotency") == 2
    assert runs(root, "04-outbox") == 1


def test_a_cell_that_raises_fails_the_build_at_its_line(root: Path):
    text = "# Title\n\n" + CELL.format("a = 1") + "\n" + CELL.format("b = 2\na / 0")
    with pytest.raises(BuildError) as failure:
        execute(root, "03-idempotency", text)
    line = text.splitlines().index("a / 0") + 1
    assert str(failure.value).startswith(
        f"lessons/03-idempotency/index.md, line {line}: ZeroDivisionError: division by zero"
    )
    assert not list(root.glob("build/lessons/*"))


def test_a_cell_that_never_ends_fails_the_build(root: Path):
    with pytest.raises(BuildError, match="line 4: A cell timed out"):
        execute(root, "03-idempotency", "# Title\n\n" + CELL.format("while True: pass"), timeout=1)


def test_an_expected_error_is_an_output(root: Path):
    text = '```python tags=["raises-exception"]\n1 / 0\n```\n'
    assert [output.ename for output in execute(root, "03-idempotency", text)] == ["ZeroDivisionError"]


def test_the_kernel_is_that_of_this_python_whatever_the_machine_has(root: Path, monkeypatch: pytest.MonkeyPatch):
    foreign = root / "foreign/kernels/python3/kernel.json"
    foreign.parent.mkdir(parents=True)
    foreign.write_text(json.dumps({"argv": ["false"], "display_name": "Broken", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(root / "foreign"))
    [output] = execute(root, "03-idempotency", CELL.format("import sys\nprint(sys.prefix)"))
    assert output.text == f"{sys.prefix}\n"
