"""What the page's worker calls to run a lesson's cells."""

import json
from typing import Any

import pytest

from course.browser import reset_cells, run_cell

PLAY = """
from unreliable import Process, Program, Scenario, play

async def asks(network):
    await network.send("B", "?")

play(Scenario("question", (Process("A", asks), Process("B", asks)), lambda _: None, faults={"lose"}), Program(""))
"""


@pytest.fixture(autouse=True)
def no_cells():
    reset_cells()
    yield
    reset_cells()


def ran(source: str, schedule: str = "") -> dict[str, Any]:
    return json.loads(run_cell(source, schedule))


def test_a_play_is_run_with_the_schedule_that_the_reader_has_chosen():
    [faultless] = ran(PLAY)["outputs"]
    [lost] = ran(PLAY, "0.1")["outputs"]
    assert "You have chosen no fault." in faultless["data"]
    assert "A sends ? to B; it is lost." in lost["data"]
    assert ran(PLAY, "faultless")["outputs"] == [faultless]


def test_a_schedule_is_nothing_to_what_is_no_play():
    assert (
        ran("1 + 1", "0.1") == ran("1 + 1") == {"problem": None, "outputs": [{"mime": "text/plain", "data": "2"}]}
    )


def test_what_is_no_schedule_is_the_cells_problem():
    assert "is no schedule" in ran(PLAY, "<b>")["problem"]["message"]


def test_a_cell_that_prints_without_end_is_stopped_with_its_first_words():
    told = json.loads(run_cell("try:\n    while True: print('x' * 1000)\nexcept ValueError: pass"))
    assert told["problem"]["kind"] == "output"
    assert told["problem"]["line"] == 2
    assert "more than 64 KiB" in told["problem"]["message"]
    assert len(told["outputs"][0]["data"]) == 64 * 1024


def test_a_cell_that_prints_as_much_as_is_shown_is_fine():
    told = json.loads(run_cell(f"print('x' * {64 * 1024 - 1})"))
    assert told["problem"] is None
    assert len(told["outputs"][0]["data"]) == 64 * 1024


def test_memory_that_is_used_up_is_told_as_such():
    assert json.loads(run_cell("raise MemoryError"))["problem"]["kind"] == "memory"


def test_a_form_that_is_no_text_is_shown_all_the_same():
    told = json.loads(run_cell("class Odd:\n    def _repr_html_(self): return 7\nOdd()"))
    assert told["outputs"] == [{"mime": "text/html", "data": "7"}]
