"""Questions before a cell: what is right is what the cell puts out, and what is wrong is not."""

import pytest

from course.predictions import BadPrediction, parse, predict_fence, verify

QUESTION = """What is alice's balance?
- [ ] `30`: The mark was in memory.
- [x] `60`: It was delivered again.
- [ ] nothing at all: The account exists.
"""
CELL = f"Some prose.\n\n```predict\n{QUESTION}```\n"


@pytest.mark.parametrize("output", ["60\n", "alice 60", "<td>alice</td><td>60</td>", "balance: 60."])
def test_the_right_answer_is_what_the_cell_puts_out(output: str):
    verify(CELL, output)


@pytest.mark.parametrize("output", ["", "90", "160", "60.5", "6 0"])
def test_an_answer_that_the_cell_does_not_give_ends_the_build(output: str):
    with pytest.raises(BadPrediction, match="does not put out"):
        verify(CELL, output)


def test_a_wrong_answer_that_the_cell_gives_ends_the_build():
    with pytest.raises(BadPrediction, match="is called wrong"):
        verify(CELL, "alice 60, bob 30")


def test_prose_without_a_question_is_left_alone():
    verify("Prose with `60` in it.", "")


@pytest.mark.parametrize(
    "source",
    [
        "Why?\n- [x] `1`: so\n",
        "Why?\n- [x] `1`: so\n- [x] `2`: so\n",
        "Why?\n- [ ] `1`: so\n- [ ] `2`: so\n",
        "Why?\n- [x] `1` without a reason\n- [ ] `2`: so\n",
    ],
)
def test_a_question_that_cannot_be_asked_ends_the_build(source: str):
    with pytest.raises(BadPrediction):
        parse(source)


def test_without_javascript_each_choice_explains_itself():
    html = predict_fence(QUESTION)
    assert html.count("<details") == 3
    assert html.count("data-right") == 1
    assert "<code>60</code>" in html
    assert "Right. It was delivered again." in html
