"""docs/kafka-model.md: what the model reproduces, as the conformance run has found it."""

from importlib.metadata import version
from itertools import groupby

from tests.chaos.plans import ON_KAFKA
from tests.conformance.left_out import LEFT_OUT
from tests.conformance.stage import PROGRAMS, Program

from course.catalog import root
from course.lab.kafka import VERSION

PAGE = root() / "docs" / "kafka-model.md"
_HEAD = """# How true is our Kafka?

The Kafka of this course is a model, so that a page can run it under every schedule of faults. Each rule below is a
short program that was run twice: on the model, and on real Apache Kafka with the real Python client. What both
programs saw (records, offsets, errors by name, in their order) was compared.

Compared last with **Apache Kafka {kafka}** and **confluent-kafka {client}**: {same} rules come out the same;
{absent}.
`make test-kafka` runs them all and writes this page; the programs are in `tests/conformance/programs`.

Beside them, {plans} generated programs run on both: writers with and without transactions, one of which may take
another's place, members of a group that come and go, and in each one request or answer is lost. No history may
show a lost write, a duplicate, an aborted or a precommitted read, a torn transaction, two values at one offset, a
poll that goes back or, in a group of one, skips, or a message that a group has committed and nobody has read.
`tests/chaos` has the programs and the check, and the model's random schedules.
"""
_NOT_COMPARED = """
## Not compared

| rule | defined in | why not |
|---|---|---|
"""


def render() -> str:
    """The whole page."""
    absent = sum(program.absent is not None for program in PROGRAMS)
    parts = [
        _HEAD.format(
            kafka=VERSION,
            client=version("confluent-kafka"),
            same=len(PROGRAMS) - absent,
            absent=f"{absent} are left out of the model, and Kafka was seen to do what is said here"
            if absent
            else "of those that were tried, the model lacks none",
            plans=ON_KAFKA,
        )
    ]
    for area, programs in groupby(sorted(PROGRAMS, key=_area), _area):
        parts.append(f"\n## {area.capitalize()}\n\n| rule | defined in | the model |\n|---|---|---|\n")
        parts += [_row(program) for program in programs]
    parts.append(_NOT_COMPARED)
    parts += [f"| {_cell(rule)} | {_cell(source)} | {_cell(why)} |\n" for rule, source, why in LEFT_OUT]
    return "".join(parts)


def _area(program: Program) -> str:
    return program.area


def _row(program: Program) -> str:
    model = "the same" if program.absent is None else f"left out: {program.absent}"
    return f"| {_cell(program.rule)} | {_cell(program.source)} | {_cell(model)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("_", "\\_") if "`" not in text else text.replace("|", "\\|")
