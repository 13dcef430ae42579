"""What isolation costs on the exercise of chapter 3: schedules a second, and one submission from start to end.

python benchmarks/pipe.py
"""

import os
import statistics
import time

from course.catalog import exercise
from course.grading import grade, scenario_of
from course.pytest_plugin import Manner
from course.sandbox.jail import Jail
from unreliable import Explorer, Program
from unreliable.pipe import RemoteProgram, fresh

EXERCISE = exercise("03-idempotency/dedup_consumer")
SOURCE = EXERCISE.solution.read_text("utf-8")
ROUNDS = 5
SAMPLES = 5


def explored(program: Program) -> float:
    """Schedules a second of one exploration."""
    scenario = scenario_of(EXERCISE).with_faults("crash", "lose", "error")
    with Explorer(scenario, program, program.drive if isinstance(program, RemoteProgram) else None) as explorer:
        start = time.perf_counter()
        verdict = explorer.explore(2)
        assert verdict.passed
        return verdict.run / (time.perf_counter() - start)


def submitted() -> tuple[float, float]:
    """Seconds until the sandbox stands, and until one submission has its mark."""
    start = time.perf_counter()
    with Jail() as jail:
        started = time.perf_counter() - start
        program = RemoteProgram(SOURCE, "dedup_consumer.py", jail.connect)
        death = fresh(program, jail.connect)
        assert grade(EXERCISE, program, Manner(drive=program.drive, fresh=death, samples=SAMPLES, seed="x")).passed
        program.close()
        return started, time.perf_counter() - start


def spawned(jail: Jail) -> float:
    """Seconds of the life of one child."""
    start = time.perf_counter()
    for _ in range(50):
        jail.connect().close()
    return (time.perf_counter() - start) / 50


def main() -> None:
    """Prints medians of ROUNDS rounds."""
    rates: list[tuple[float, float, float]] = []
    with Jail() as jail:
        walls = ", ".join(jail.walls)
        for _ in range(ROUNDS):
            program = RemoteProgram(SOURCE, "dedup_consumer.py", jail.connect)
            rates.append((explored(Program(SOURCE)), explored(program), spawned(jail)))
            program.close()
    beside, jailed, spawn = (statistics.median(column) for column in zip(*rates, strict=True))
    started, marked = (statistics.median(column) for column in zip(*(submitted() for _ in range(3)), strict=True))
    print(f"walls: {walls}; load of the machine: {os.getloadavg()[0]:.1f}")
    print(f"schedules a second: {beside:,.0f} beside the judge, {jailed:,.0f} jailed; ratio {jailed / beside:.2f}")
    print(f"a child, from its start to its end: {spawn * 1000:.1f} ms")
    print(f"the sandbox stands after {started:.2f} s; one submission has its mark after {marked:.2f} s,")
    print(f"  all schedules with two faults, real deaths and {SAMPLES} random schedules a test included")


if __name__ == "__main__":
    main()
