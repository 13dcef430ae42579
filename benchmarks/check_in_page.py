"""The whole Check of the chapter 3 solution in Chromium, in a worker that is warm: seconds and schedules a second.

make build && python benchmarks/check_in_page.py
"""

import json
import statistics
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import sync_playwright

from course.catalog import exercise, root

EXERCISE = exercise("03-idempotency/dedup_consumer")
ROUNDS = 5
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]

CHECK = """async ([exercise, source, rounds]) => {
    const worker = new Worker("assets/course/worker.js", { type: "module" });
    const told = (kind) => new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => {
            if (data.kind === kind) resolve(data);
            if (data.kind === "died" || data.kind === "failed") reject(new Error(data.message));
        };
    });
    await told("ready");
    const found = [];
    for (let round = 0; round < rounds; round += 1) {
        const start = performance.now();
        worker.postMessage({ kind: "check", exercise, source });
        const { json } = await told("result");
        found.push([performance.now() - start, json]);
    }
    worker.terminate();
    return found;
}"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return None


def main() -> None:
    """Prints the median of ROUNDS checks after a first one that is not counted."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root() / "site")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = subprocess.run([".ci/find-chromium"], cwd=root(), check=True, capture_output=True, text=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=FLAGS)
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        first, *rounds = page.evaluate(CHECK, [EXERCISE.id, EXERCISE.solution.read_text("utf-8"), ROUNDS + 1])
        browser.close()
    server.shutdown()
    results = json.loads(first[1])
    assert results["passed"]
    run, covered = (sum(test["schedules"][what] for test in results["tests"]) for what in ("run", "covered"))
    seconds = statistics.median(elapsed for elapsed, _ in rounds) / 1000
    print(
        f"Check in Chromium: {seconds:.2f} s (the first: {first[0] / 1000:.2f} s) for {run:,} schedules run, ",
        end="",
    )
    print(f"{covered:,} covered: {run / seconds:,.0f} run and {covered / seconds:,.0f} covered a second")


if __name__ == "__main__":
    main()
