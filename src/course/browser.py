"""What the page's worker calls: strings in, JSON out. Nothing that a learner does makes these functions raise."""

import ast
import contextlib
import io
import json
import traceback
from collections.abc import Callable
from typing import Any

from course import catalog, grading
from course.results import TestResult, run_to_json
from unreliable import Program
from unreliable.play import Play


def check(exercise_id: str, source: str, report: Callable[[str], None]) -> str:
    """Grades `source`; the Results as JSON. `report` hears of each test that starts, and how the last ended."""

    def tell(test: str, index: int, of: int, ended: TestResult | None) -> None:
        told = {"test": test, "index": index, "of": of, "ended": ended.to_json() if ended else None}
        report(json.dumps(told))

    exercise = catalog.exercise(exercise_id)
    return json.dumps(grading.grade(exercise, _program(exercise, source), report=tell).to_json())


def run(exercise_id: str, source: str) -> str:
    """One faultless run of `source`: problem, output and story as JSON."""
    exercise = catalog.exercise(exercise_id)
    program = _program(exercise, source)
    problem, result = grading.run(exercise, program)
    return json.dumps(run_to_json(result, program.output.text, problem))


def warm_up() -> None:
    """Takes every way once, so that a snapshot of the memory has it loaded. One exercise, since size is time."""
    exercise = catalog.exercise("03-idempotency/dedup_consumer")  # it has a broker, a database and all the faults
    source = exercise.starter.read_text()
    check(exercise.id, source, lambda _: None)
    run(exercise.id, source)
    run_cell("1 + 1")
    reset_cells()


def _program(exercise: catalog.Exercise, source: str) -> Program:
    return Program(source, f"{exercise.name}.py")


# A lesson's cells: one namespace for the page, the last expression is shown, as in a notebook.

_cells: dict[str, Any] = {}


def reset_cells() -> None:
    """Forgets what the cells have defined."""
    _cells.clear()
    _cells["__name__"] = "__main__"


def run_cell(source: str, schedule: str = "") -> str:
    """Runs a cell; its problem, or its outputs as {mime, data}. A play at its end is run with the schedule."""
    printed = _Printed()
    problem = None
    shown: list[dict[str, str]] = []
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            value = _value(source)
            shown = _show(value.choose(schedule) if schedule and isinstance(value, Play) else value)
        except BaseException as error:  # a cell's exception is its output
            problem = _cell_problem(error)
    text = printed.text
    outputs = ([{"mime": "text/plain", "data": text}] if text else []) + shown
    return json.dumps({"problem": problem, "outputs": outputs})


class _Printed(io.TextIOBase):
    """The first of what a cell prints; who prints more is stopped."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        room = MOST_TEXT - len(self.text)
        self.text += text[:room]
        if len(text) > room:
            raise TooMuch(f"The cell printed more than {MOST_TEXT // 1024} KiB; the rest is not shown.")
        return len(text)


class TooMuch(Exception):
    """A cell prints without end."""


MOST_TEXT = 64 * 1024
CELL = "<cell>"
_ORDER = ("text/html", "image/svg+xml", "text/plain")


def _value(source: str) -> Any:
    """The value of the cell's last line, if that is an expression."""
    tree = ast.parse(source, CELL)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, CELL, "exec"), _cells)
    if last is None:
        return None
    assert isinstance(last, ast.Expr)
    return eval(compile(ast.Expression(last.value), CELL, "eval"), _cells)


def _show(value: Any) -> list[dict[str, str]]:
    """The richest form that the value offers."""
    if value is None:
        return []
    forms = {"text/html": "_repr_html_", "image/svg+xml": "_repr_svg_"}
    offered = {
        mime: f"{getattr(value, method)() or ''}" for mime, method in forms.items() if hasattr(value, method)
    }
    offered.setdefault("text/plain", repr(value)[:MOST_TEXT])
    mime = next(mime for mime in _ORDER if offered.get(mime))
    return [{"mime": mime, "data": offered[mime]}]


def _cell_problem(error: BaseException) -> dict[str, Any]:
    """What to tell of an exception in a cell: its line there, and its last words."""
    if isinstance(error, SyntaxError):
        advice = "Python cannot read the cell; mend this line."
        return {
            "kind": "syntax",
            "line": error.lineno,
            "message": f"Syntax error: {error.msg}.",
            "advice": advice,
        }
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == CELL]
    kind, advice = "crashed", "Mend the cell and run it again; Reset brings the original back."
    message = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, TooMuch):
        kind, advice, message = "output", "Print less.", f"{error}"
    elif isinstance(error, MemoryError):
        kind = "memory"  # after that Python is started anew
    return {"kind": kind, "line": lines[-1] if lines else None, "message": message, "advice": advice}


reset_cells()
