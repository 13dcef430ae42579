"""What a story tells of a failing run, and what it leaves out."""

import pytest

from unreliable import Anomaly, Process, Program, Scenario, Verdict, World, explore
from unreliable.abridge import MOST
from unreliable.diagram.layout import is_fault

CONSUMER = """
async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        {body}
"""
APPLIES = "await db.execute('INSERT INTO applied (id) VALUES (%s)', (message.key().decode(),))"
COMMITS = "await consumer.commit(message=message, asynchronous=False)"
PAYMENTS = ("p1", "p2", "p3", "p4")


async def pay(producer):
    for payment in PAYMENTS:
        await (await producer.produce("payments", payment, key=payment, partition=0))


def once_each(world: World) -> Anomaly | None:
    applied = [payment for (payment,) in world.database.query("SELECT id FROM applied ORDER BY rowid")]
    if sorted(set(applied)) != sorted(PAYMENTS):
        return Anomaly("lost message", f"Only {applied} are applied.")
    return Anomaly("duplicate effect", f"{applied}.") if len(applied) > len(PAYMENTS) else None


CONSUMES = Process("consumer", "consume", ("consumer", "db"), start_ms=100)
SCENARIO = Scenario(
    name="payments",
    processes=(Process("producer", pay, faults=frozenset()), CONSUMES),
    check=once_each,
    topics=(("payments", 1),),
    tables="CREATE TABLE applied (id TEXT)",
)
TWO = (
    Process("producer", pay, faults=frozenset()),
    Process("A", "consume", ("consumer", "db"), start_ms=100),
    Process("B", "consume", ("consumer", "db"), start_ms=100, faults=frozenset()),
)


def failing(*body: str, processes: tuple[Process, ...] = SCENARIO.processes, faults: tuple[str, ...]) -> Verdict:
    program = Program(CONSUMER.format(body="\n        ".join(body)))
    scenario = Scenario("payments", processes, once_each, SCENARIO.topics, SCENARIO.tables, frozenset(faults))
    verdict = explore(scenario, program)
    assert not verdict.passed
    return verdict


def words(verdict: Verdict) -> list[str]:
    return [event.text for event in verdict.told]


def test_a_message_that_is_lost_is_told_and_the_others_are_not():
    verdict = failing(COMMITS, APPLIES, faults=("crash",))
    assert verdict.trace is not None
    told = words(verdict)
    assert "consumer commits offset 1 of payments-0" in told
    assert any("crashes before INSERT" in sentence for sentence in told)
    assert "producer sends p4: offset 3 of payments-0" not in told
    assert not any("VALUES ('p4')" in sentence for sentence in told)
    assert len(told) <= MOST < len(verdict.trace.events)


def test_what_was_done_for_a_message_that_is_read_twice_is_told_both_times():
    told = words(failing(APPLIES, COMMITS, faults=("crash",)))
    assert sum("VALUES ('p1')" in sentence for sentence in told) == 2


def test_what_a_zombie_writes_is_told_although_it_writes_the_same_without_faults():
    told = words(failing(APPLIES, COMMITS, processes=TWO, faults=("pause",)))
    first = next(number for number, sentence in enumerate(told) if "pauses" in sentence)
    after = told[first:]
    assert "A runs INSERT INTO applied (id) VALUES ('p1'): 1 row, committed at once" in after
    assert "B runs INSERT INTO applied (id) VALUES ('p1'): 1 row, committed at once" in after


@pytest.mark.parametrize("faults", [("crash",), ("error",), ("crash", "error")])
def test_every_fault_is_told_in_its_order(faults: tuple[str, ...]):
    verdict = failing("try:", f"    {APPLIES}", "except Exception:", "    pass", COMMITS, faults=faults)
    assert verdict.trace is not None
    steps = [event.step for event in verdict.told]
    assert steps == sorted(steps)
    assert {event.step for event in verdict.trace.events if is_fault(event)} <= set(steps)


def test_of_a_loop_without_end_the_first_and_the_last_round_are_told():
    verdict = failing("while True:", f"    {APPLIES}", faults=())
    assert verdict.trace is not None
    assert verdict.anomaly is not None
    assert verdict.anomaly.name == "stuck"
    assert len(verdict.told) <= MOST
    assert sum("INSERT" in sentence for sentence in words(verdict)) >= 2
    assert verdict.told[-1].step > len(verdict.trace.events) / 2


def test_a_short_run_is_told_as_it_was():
    alone = (Process("consumer", "consume", ("consumer", "db")),)
    verdict = failing("pass", processes=alone, faults=())
    assert verdict.trace is not None
    assert list(verdict.told) == verdict.trace.events
