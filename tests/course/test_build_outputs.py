"""A lesson's outputs are kept exactly as long as they are true."""

from dataclasses import replace
from pathlib import Path

import pytest

from course.build.outputs import Kept

OUTPUTS = [[{"output_type": "stream", "name": "stdout", "text": "30\n"}]]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    write(tmp_path / "lessons/03-idempotency/index.md", "prose")
    write(tmp_path / "src/unreliable/world.py", "x = 1")
    kept = Kept(tmp_path, "03-idempotency", ["balance = 30", "print(balance)"])
    kept.save(OUTPUTS)
    return kept


def test_what_was_kept_is_found_again(kept: Kept):
    assert kept.load() == OUTPUTS


@pytest.mark.parametrize(
    "file",
    [
        "src/unreliable/world.py",
        "src/course/new.py",
        "requirements.lock",
        "lessons/03-idempotency/payments.csv",
        "exercises/03-idempotency/dedup_consumer.py",
        "solutions/03-idempotency/dedup_consumer.py",
        "tests/graders/03-idempotency/test_dedup_consumer.py",
        "tests/submissions/03-idempotency/dedup_consumer/wrong/forgets_after_restart.py",
    ],
)
def test_a_change_of_what_its_cells_can_see_makes_it_stale(kept: Kept, file: str):
    write(kept.root / file, "changed")
    assert kept.load() is None


@pytest.mark.parametrize(
    "file",
    [
        "lessons/03-idempotency/index.md",
        "lessons/04-outbox/index.md",
        "exercises/04-outbox/relay.py",
        "src/unreliable/__pycache__/world.py",
        "frontend/page/editor.ts",
    ],
)
def test_a_change_of_prose_or_of_another_lesson_does_not(kept: Kept, file: str):
    write(kept.root / file, "changed")
    assert kept.load() == OUTPUTS


@pytest.mark.parametrize(
    "code", [["balance = 30"], ["balance = 3", "0print(balance)"], ["print(balance)", "balance = 30"]]
)
def test_other_cells_have_other_outputs(kept: Kept, code: list[str]):
    assert replace(kept, code=code).load() is None


def test_only_the_latest_outputs_of_a_lesson_are_kept(kept: Kept):
    other = replace(kept, topic="04-outbox")
    other.save(OUTPUTS)
    replace(kept, code=["changed"]).save(OUTPUTS)
    assert kept.load() is None
    assert other.load() == OUTPUTS
