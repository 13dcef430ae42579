"""Schedules a second on the exercise of chapter 3, beside a bare loop of the same SQLite statements.

python benchmarks/explore.py
"""

import sqlite3
import statistics
import time

from course.catalog import exercise
from course.grading import grade, scenario_of
from unreliable import Explorer, Program, Schedule

EXERCISE = exercise("03-idempotency/dedup_consumer")
ROUNDS = 5
TABLES = (
    "CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER); CREATE TABLE processed (id TEXT PRIMARY KEY)"
)
MARK = "INSERT INTO processed VALUES (?) ON CONFLICT DO NOTHING"
APPLY = "UPDATE accounts SET balance = balance + ? WHERE id = ?"


def bare(runs: int) -> float:
    """Seconds for the statements of so many faultless runs, with nothing around them."""
    sqlite = sqlite3.connect(":memory:", isolation_level=None)
    sqlite.executescript(TABLES + "; INSERT INTO accounts VALUES ('alice', 0), ('bob', 0)")
    start = time.perf_counter()
    for _ in range(runs):
        for payment, account, amount in (("p1", "alice", 30), ("p2", "bob", 20), ("p3", "alice", 30)):
            sqlite.execute("BEGIN")
            sqlite.execute(MARK, (payment,))
            sqlite.execute(APPLY, (amount, account))
            sqlite.execute("COMMIT")
        sqlite.execute("DELETE FROM processed")
    return time.perf_counter() - start


def main() -> None:
    """Prints medians of ROUNDS rounds."""
    source = EXERCISE.solution.read_text("utf-8")
    scenario = scenario_of(EXERCISE).with_faults("crash", "lose", "error")
    rates: list[tuple[float, float, float, float]] = []
    for _ in range(ROUNDS):
        program = Program(source)
        with Explorer(scenario, program) as explorer:
            start = time.perf_counter()
            verdict = explorer.explore(2)
            explored = time.perf_counter() - start
        start = time.perf_counter()
        results = grade(EXERCISE, Program(source))
        checked = time.perf_counter() - start
        assert results.passed
        covered = sum(test.schedules["covered"] for test in results.tests if test.schedules)
        rates.append((verdict.run / explored, verdict.covered / explored, covered / checked, checked))
    run, known, graded, checked = (statistics.median(column) for column in zip(*rates, strict=True))
    loop = 2_000 / bare(2_000)
    print(f"exploring, all faults, budget 2: {run:,.0f} schedules run and {known:,.0f} covered a second")
    print(f"the bare SQLite statements of a faultless run: {loop:,.0f} times a second; ratio {run / loop:.2f}")
    print(f"the whole Check, pytest and all: {checked:.2f} s, {graded:,.0f} schedules covered a second")
    with Explorer(scenario, Program(source)) as explorer:
        start = time.perf_counter()
        for _ in range(50):
            explorer.replay(Schedule())
        print(f"one run with its trace: {(time.perf_counter() - start) * 20:.2f} ms")


if __name__ == "__main__":
    main()
