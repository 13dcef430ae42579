"""The fence that puts an exercise into a lesson."""

import pytest
from markdown import markdown

from course.catalog import exercise
from course.fences import FenceError
from course.site import exercise_fence

FENCE = """03-idempotency/dedup_consumer
- A first hint.
- A stronger one, with `code`.
"""


def test_an_exercise_is_readable_without_javascript():
    html = exercise_fence(FENCE)
    found = exercise("03-idempotency/dedup_consumer")
    assert html.startswith('<div><course-exercise exercise="03-idempotency/dedup_consumer">')
    assert "<p>Apply each payment to its account exactly once.</p>" in html
    assert "async def consume(consumer: AIOConsumer, db: AsyncConnection) -&gt; None:" in html
    assert html.count('<details class="hint" data-search-exclude>') == 2
    assert "<code>code</code>" in html
    assert "ON CONFLICT DO NOTHING" in found.solution.read_text("utf-8")
    assert "ON CONFLICT DO NOTHING" in html


def test_an_exercise_that_is_not_there_ends_the_build():
    with pytest.raises(FenceError, match=r"There are: .*03-idempotency/dedup_consumer"):
        exercise_fence("03-idempotency/nothing")


def test_a_fence_that_is_wrong_is_not_taken_for_text():
    with pytest.raises(FenceError, match="no exercise '03-idempotency/nothing'"):
        markdown(
            "```exercise\n03-idempotency/nothing\n```",
            extensions=["pymdownx.superfences"],
            extension_configs={
                "pymdownx.superfences": {
                    "custom_fences": [{"name": "exercise", "class": "exercise", "format": exercise_fence}]
                }
            },
        )


def test_a_hint_may_go_on_in_the_next_line():
    html = exercise_fence("03-idempotency/dedup_consumer\n- What is true\n  before?\n- And after?")
    assert html.count('<details class="hint"') == 2
    assert "What is true before?" in html
