"""The first Check of a session in Chromium, from click to verdict: from the snapshot, and from the plain start.

make build && python benchmarks/startup.py
Fresh browsers take turns, so that both ways meet the same machine. Then: from Stop until Python is ready again.
"""

import json
import statistics

from page import EXERCISE, LESSON, chromium, served
from playwright.sync_api import Browser, Page, Route

ROUNDS = 5
SPARE_IS_WARM_MS = 8000
PATIENCE_MS = 60_000
# In the page, so that the clock is the browser's own. Until: a selector's presence, or Python at rest again.
CLICK = """([label, until]) => new Promise((resolve) => {
    const exercise = document.querySelector("course-exercise");
    const button = (name) => [...exercise.querySelectorAll("button")].find((it) => it.textContent.trim() === name);
    const done = () => until !== null
        ? exercise.querySelector(until) !== null
        : exercise.querySelector(".runtime") === null && button("Check").ariaDisabled === "false";
    const start = performance.now();
    const seen = new MutationObserver(() => done() && resolve((performance.now() - start) / 1000));
    seen.observe(exercise, { childList: true, subtree: true, attributes: true, characterData: true });
    button(label).click();
})"""


def main() -> None:
    """Prints both medians, their ratio, and the median from Stop to ready."""
    snapshot: list[float] = []
    plain: list[float] = []
    with served() as address:
        for _ in range(ROUNDS):
            with chromium() as browser:
                snapshot.append(first_check(opened(browser, address)))
            with chromium() as browser:
                plain.append(first_check(opened(browser, address, snapshot=False)))
        with chromium() as browser:
            page = opened(browser, address)
            stops = [stop_to_ready(page) for _ in range(ROUNDS)]
    print(f"First Check from the snapshot: {told(snapshot)}")
    print(f"First Check from the plain start: {told(plain)}")
    print(f"Ratio: {statistics.median(plain) / statistics.median(snapshot):.1f} (wanted: 4)")
    print(f"Stop to ready with the spare: {told(stops)} (wanted: 0.5 s)")


def told(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} s (of {', '.join(f'{time:.2f}' for time in times)})"


def opened(browser: Browser, address: str, snapshot: bool = True) -> Page:
    """The lesson with its editor loaded."""
    page = browser.new_page(service_workers="block")
    page.set_default_timeout(PATIENCE_MS)
    if not snapshot:
        page.route("**/manifest.json", without_snapshot)
    page.goto(address + LESSON)
    page.locator(EXERCISE).scroll_into_view_if_needed()
    page.locator(f"{EXERCISE} .cm-content").wait_for()
    page.wait_for_timeout(500)
    return page


def without_snapshot(route: Route) -> None:
    response = route.fetch()
    route.fulfill(response=response, body=json.dumps(response.json() | {"snapshot": None}))


def first_check(page: Page) -> float:
    return float(page.evaluate(CLICK, ["Check", "course-story svg"]))


def stop_to_ready(page: Page) -> float:
    """Stops an endless run, when the spare has had the time to start."""
    page.locator(f"{EXERCISE} .cm-content").fill("async def consume(consumer, db):\n    sum(iter(int, 1))\n")
    page.locator(EXERCISE).get_by_role("button", name="Run", exact=True).click()
    page.wait_for_timeout(SPARE_IS_WARM_MS)
    return float(page.evaluate(CLICK, ["Stop", None]))


if __name__ == "__main__":
    main()
