"""What isolation costs: schedules a second on the exercise of chapter 3, and each solution from start to end.

python benchmarks/pipe.py
"""

import os
import resource
import statistics
import time
from collections.abc import Callable

from course.catalog import Exercise, exercise, exercises
from course.grading import grade, scenario_of
from course.marking.marker import unsampled
from course.pytest_plugin import Manner
from course.sandbox.jail import Jail
from unreliable import Explorer, Program
from unreliable.pipe import TOTAL_S, RemoteProgram, fresh

EXERCISE = exercise("03-idempotency/dedup_consumer")
SOURCE = EXERCISE.solution.read_text("utf-8")
ROUNDS = 5
SAMPLES = 5
UNACCOUNTED = frozenset({"bubblewrap"})  # does not tell what those inside have used


def explored(program: Program) -> float:
    """Schedules a second of one exploration."""
    scenario = scenario_of(EXERCISE).with_faults("crash", "lose", "error")
    with Explorer(scenario, program, program.drive if isinstance(program, RemoteProgram) else None) as explorer:
        start = time.perf_counter()
        verdict = explorer.explore(2)
        assert verdict.passed
        return verdict.run / (time.perf_counter() - start)


def submitted(exercise: Exercise, samples: int, without: frozenset[str] = frozenset()) -> tuple[float, float]:
    """Seconds of the clock and of the processor for the mark of a solution, from the start of the sandbox."""
    spared = unsampled(exercise, samples, "x")  # once for a whole class
    start, used = time.perf_counter(), processor_s()
    with Jail(without=without) as jail:
        program = RemoteProgram(exercise.solution.read_text("utf-8"), f"{exercise.name}.py", jail.connect)
        death = fresh(program, jail.connect)
        manner = Manner(drive=program.drive, fresh=death, samples=samples, seed="x", unsampled=spared)
        assert grade(exercise, program, manner).passed
        program.close()
    return time.perf_counter() - start, processor_s() - used


def processor_s() -> float:
    """What this process has used, and those of its children that have ended."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


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
    print(f"walls: {walls}; load of the machine: {os.getloadavg()[0]:.1f}")
    print(f"schedules a second: {beside:,.0f} beside the judge, {jailed:,.0f} jailed; ratio {jailed / beside:.2f}")
    print(f"a child, from its start to its end: {spawn * 1000:.1f} ms")
    for each in exercises():
        clock, _ = median(lambda: submitted(each, 0))  # noqa: B023 called at once
        sampled, _ = median(lambda: submitted(each, SAMPLES))  # noqa: B023
        _, processor = median(lambda: submitted(each, 0, UNACCOUNTED))  # noqa: B023
        print(
            f"{each.id}: the solution has its mark after {clock:.2f} s of {TOTAL_S}, {processor:.2f} s of a "
            f"processor; with {SAMPLES} random schedules a test after {sampled:.2f} s"
        )


def median(measure: Callable[[], tuple[float, float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*(measure() for _ in range(3)), strict=True)]


if __name__ == "__main__":
    main()
