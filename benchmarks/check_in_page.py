"""The whole Check of each solution: in Chromium, in a worker that is warm, and in CPython beside it.

make build && python benchmarks/check_in_page.py [EXERCISE ...]
"""

import json
import statistics
import sys
import time

from page import chromium, served

from course.catalog import Exercise, exercise, exercises
from course.grading import grade
from course.report import load

ROUNDS = 3
CHECK = """async ([exercises, rounds]) => {
    const worker = new Worker("assets/course/worker.js", { type: "module" });
    const told = (kind) => new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => {
            if (data.kind === kind) resolve(data);
            if (data.kind === "died" || data.kind === "failed") reject(new Error(data.message));
        };
    });
    await told("ready");
    const found = {};
    for (const [exercise, source] of exercises) {
        found[exercise] = [];
        for (let round = 0; round <= rounds; round += 1) {
            const start = performance.now();
            worker.postMessage({ kind: "check", exercise, source });
            const { json } = await told("result");
            found[exercise].push([(performance.now() - start) / 1000, json]);
        }
    }
    worker.terminate();
    return found;
}"""


def main() -> None:
    """Prints medians of ROUNDS checks after a first one that is not counted."""
    chosen = [exercise(name) for name in sys.argv[1:]] or list(exercises())
    sources = [[one.id, one.solution.read_text("utf-8")] for one in chosen]
    with served() as address, chromium() as browser:
        page = browser.new_page()
        page.goto(address)
        found = page.evaluate(CHECK, [sources, ROUNDS])
    print(f"{'':34} Chromium  the first  CPython  run     covered  (wanted: 3 s, 1 s)")
    for one in chosen:
        tell(one, found[one.id])


def tell(one: Exercise, found: list[tuple[float, str]]) -> None:
    results = json.loads(found[0][1])
    assert results["passed"], one.id
    run, covered = (sum(test["schedules"][what] for test in results["tests"]) for what in ("run", "covered"))
    in_page = statistics.median(seconds for seconds, _ in found[1:])
    here = statistics.median(checked(one) for _ in range(ROUNDS))
    rates = f"{run / in_page:,.0f} run and {covered / in_page:,.0f} covered a second in Chromium"
    print(f"{one.id:34} {in_page:6.2f} s {found[0][0]:8.2f} s {here:6.2f} s {run:6,} {covered:9,}  {rates}")


def checked(one: Exercise) -> float:
    """Seconds for the same in CPython."""
    start = time.perf_counter()
    assert grade(one, load(one.solution)).passed
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
