"""The world: crashes at every await, virtual time, a lossy network, and the same run for the same schedule."""

from dataclasses import replace

import pytest

from unreliable import Anomaly, Event, Process, Program, Scenario, Schedule, explore, replay, sample
from unreliable.choices import Choices
from unreliable.database import Database
from unreliable.explore import beside
from unreliable.world import World

STEPS = """
async def run(db, clock):
    await db.execute("INSERT INTO seen VALUES ('one')")
    await clock.sleep(2.5)
    await db.execute("INSERT INTO seen VALUES ('two')")
"""


def rows(world: World) -> list[str]:
    return [row for (row,) in world.database.query("SELECT what FROM seen ORDER BY rowid")]


def fine(_: World) -> None:
    return None


ONE = Scenario(
    "one", (Process("one", "run", ("db", "clock")),), check=fine, tables="CREATE TABLE seen (what TEXT)"
)


def end(scenario: Scenario, source: str, choices: Choices) -> str:
    """What was written by the end of a run."""
    database = Database(scenario.tables)
    world = World(scenario, beside(Program(source)), choices, database)
    world.run()
    written = ",".join(rows(world))
    database.close()
    return written


def ends(scenario: Scenario, source: str) -> set[str]:
    """The ends of the faultless run and of every run with a single fault."""
    faultless = Choices()
    found = {end(scenario, source, faultless)}
    for choice, options in enumerate(faultless.met):
        for option in range(1, len(options)):
            found.add(end(scenario, source, Choices(Schedule(((choice, option),)))))
    return found


def test_a_process_starts_again_from_the_top_after_a_crash_at_any_await():
    assert ends(ONE.with_faults("crash"), STEPS) == {"one,two", "one,one,two"}


def test_time_is_virtual():
    run = replay(ONE, Program(STEPS), Schedule())
    assert run.trace.events[-1].time_ms >= 2_500


def test_the_same_schedule_gives_the_same_trace_byte_for_byte():
    crashes = Schedule(((1, 1),))
    scenario = ONE.with_faults("crash")
    traces = [replay(scenario, Program(STEPS), crashes).trace for _ in range(2)]
    assert any(event.kind == "crash" for event in traces[0].events)
    assert traces[0].fingerprint == traces[1].fingerprint
    assert traces[0].fingerprint != replay(scenario, Program(STEPS), Schedule()).trace.fingerprint


def test_who_asks_for_ever_is_stuck():
    asks = "async def run(db, clock):\n    while True:\n        await clock.sleep(0)\n"
    verdict = explore(ONE, Program(asks))
    assert verdict.anomaly is not None
    assert verdict.anomaly.name == "stuck"


TAKES_A_LOCK = """
async def run(db, clock):
    await db.execute("INSERT INTO seen VALUES ('lock')")
    while True:
        async with db.transaction():
            await db.execute("UPDATE seen SET what = %s", ("{}",))
        await clock.sleep(1)
        await db.execute("UPDATE seen SET what = 'lock'")
"""


def test_who_writes_what_is_there_already_has_waited_in_vain():
    assert replay(ONE, Program(TAKES_A_LOCK.format("lock"))).anomaly is None
    anomaly = replay(ONE, Program(TAKES_A_LOCK.format("key"))).anomaly
    assert anomaly is not None
    assert anomaly.name == "stuck"


def test_who_fails_at_every_start_is_stuck():
    verdict = explore(ONE, Program("async def run(db, clock):\n    raise ValueError('no')\n"))
    assert verdict.anomaly is not None
    assert verdict.anomaly.name == "stuck"
    assert "ValueError: no" in verdict.anomaly.sentence


SEND = """
async def send(network):
    await network.send("receiver", "a")
    await network.send("receiver", "b")
"""


async def receive(network, db):
    while True:
        _, payload = await network.receive()
        await db.execute("INSERT INTO seen VALUES (%s)", (payload,))


PAIR = Scenario(
    "pair",
    (Process("sender", "send", ("network",)), Process("receiver", receive)),
    check=fine,
    tables="CREATE TABLE seen (what TEXT)",
)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("lose", {"a,b", "a", "b"}),
        ("duplicate", {"a,b", "a,a,b", "a,b,b"}),
        ("delay", {"a,b", "b,a"}),
    ],
)
def test_the_network_loses_doubles_and_delays_each_message(fault: str, told: set[str]):
    assert ends(PAIR.with_faults(fault), SEND) == told


def forgets(world: World) -> Anomaly | None:
    return None if rows(world) == ["a", "b"] else Anomaly("lost message", ",".join(rows(world)))


def test_the_same_seed_draws_the_same_runs_and_finds_what_there_is():
    losing = Scenario(PAIR.name, PAIR.processes, forgets, tables=PAIR.tables).with_faults("lose")
    one, other = (sample(losing, Program(SEND), "seed", 200) for _ in range(2))
    assert one.anomaly is not None
    assert (one.anomaly, one.schedule, one.run) == (other.anomaly, other.schedule, other.run)
    assert replay(losing, Program(SEND), one.schedule).anomaly == one.anomaly


def test_a_sample_of_a_world_without_faults_passes_and_claims_no_more_than_it_ran():
    drawn = sample(Scenario(PAIR.name, PAIR.processes, forgets, tables=PAIR.tables), Program(SEND), "seed", 20)
    assert drawn.passed
    assert not drawn.exhausted
    assert drawn.run == 20


@pytest.mark.parametrize(
    ("faults", "choices"),
    [
        ({"pause"}, [("ok", "pause"), ("ok", "pause"), ("ok", "pause")]),
        ({"pause sleep"}, [("ok",), ("ok", "pause"), ("ok",)]),
        ({"crash sleep"}, [("ok",), ("ok",), ("ok",)]),
    ],
)
def test_a_fault_can_be_kept_to_one_kind_of_request(faults: set[str], choices: list[tuple[str, ...]]):
    met = Choices()
    process = replace(ONE.processes[0], faults=frozenset(faults))
    end(replace(ONE.with_faults("pause"), processes=(process,)), STEPS, met)
    assert met.met == choices


def test_a_check_shows_what_explains_its_finding_after_all_that_has_happened():
    def forgets_and_shows(world: World) -> Anomaly | None:
        night = [Event(0, 5_000, who, "send", None, f"{who} waits", "", None, None, {}) for who in ("C", "D")]
        world.show(night)
        return forgets(world)

    shows = replace(PAIR, check=forgets_and_shows)
    plain = replay(replace(PAIR, check=forgets), Program(SEND)).trace
    for trace in (replay(shows, Program(SEND)).trace, explore(shows.with_faults("lose"), Program(SEND), 1).trace):
        assert trace is not None
        assert [event.text for event in trace.events[-2:]] == ["C waits", "D waits"]
        assert [event.step for event in trace.events] == list(range(len(trace.events)))
        assert trace.events[-1].time_ms == trace.events[-3].time_ms + 5_000
        assert trace.events[-1].state == trace.events[-3].state
        assert trace.lanes[-2:] == ["C", "D"]
    assert replay(shows, Program(SEND)).trace.events[:-2] == plain.events
