"""Every program sees the same on the model and on Apache Kafka."""

import pytest
from tests.conformance import on_kafka, on_model, programs
from tests.conformance.stage import PROGRAMS, Program

assert programs


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_the_model_and_kafka_agree(program: Program, kafka: str):
    real = on_kafka.observe(program, kafka)
    if program.absent is not None:
        assert real == program.expected
        return
    assert on_model.observe(program) == real


def test_what_is_marked_as_left_out_is_left_out():
    there = [program.name for program in PROGRAMS if program.absent and _has(program)]
    assert there == [], "the model has these rules: remove the marks"


def _has(program: Program) -> bool:
    try:
        return on_model.observe(program) == program.expected
    except Exception:
        return False


def test_every_program_has_a_name_of_its_own():
    names = [program.name for program in PROGRAMS]
    assert len(set(names)) == len(names)
