"""What keeps a reader going in a real Chromium: the plain start, the spare, a second visit without a server."""

import threading
from functools import partial
from http.server import ThreadingHTTPServer

from playwright.sync_api import Browser, Page, Route, expect

from course.catalog import exercise, root

from .conftest import CONSUMER, LESSON, PATIENCE_MS, Quiet
from .test_lesson import LOOP, check, write

SOLUTION = exercise("03-idempotency/dedup_consumer").solution.read_text("utf-8")
SOLVED = "1,038"
# The lesson, its exercise's editor, and Python from the snapshot: all that a second visit needs.
KEPT = """async () => {
    const cache = await caches.open("effectively-once");
    const names = (await cache.keys()).map(({ url }) => url);
    const needed = [
        /03-idempotency\\/$/, /page\\.js$/, /page\\.css$/, /editor-/,
        /snapshot-/, /files-/, /\\.wasm$/,
    ];
    return needed.every((name) => names.some((url) => name.test(url)));
}"""


def test_python_starts_plainly_where_the_snapshot_is_damaged(browser: Browser, site: str):
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    damaged: list[str] = []

    def damage(route: Route) -> None:
        damaged.append(route.request.url)
        route.fulfill(body=b"no snapshot")

    context.route("**/snapshot-*.bin", damage)
    page.goto(site + LESSON)
    write(page, SOLUTION)
    check(page)
    expect(page.locator(CONSUMER)).to_contain_text(SOLVED)
    assert damaged
    context.close()


def test_stop_ends_an_endless_check_and_the_next_one_works(page: Page):
    write(page, f"{LOOP}        await consumer.commit(message=message)\n        sum(range(10**12))\n")
    page.get_by_role("button", name="Check").first.click()
    stop = page.get_by_role("button", name="Stop").first
    expect(page.locator(CONSUMER)).to_contain_text("no sign of life", timeout=PATIENCE_MS)
    stop.click()
    expect(stop).to_be_disabled()
    expect(page.locator(f"{CONSUMER} .cm-content")).to_contain_text("sum(range(10**12))")
    write(page, SOLUTION)
    check(page)
    expect(page.locator(CONSUMER)).to_contain_text(SOLVED)


def test_what_a_check_has_found_is_shown_before_it_ends_and_when_it_is_stopped(page: Page):
    remembers = SOLUTION.replace("    while True:", "    seen = set()\n    while True:", 1)
    transaction = "        async with db.transaction():"
    endless = "        seen.add(payment['id']) if payment['id'] not in seen else sum(range(10**12))"
    write(page, remembers.replace(transaction, f"{endless}\n{transaction}", 1))
    page.get_by_role("button", name="Check").first.click()
    exercise = page.locator(CONSUMER)
    expect(exercise).to_contain_text("1 of 8 tests done, none failed.", timeout=PATIENCE_MS)
    page.get_by_role("button", name="Stop").first.click()
    expect(exercise).to_contain_text("Stopped. Your code is as it was.")
    expect(exercise).to_contain_text("1 of 8 tests done, none failed.")


def test_a_second_visit_works_without_the_server(browser: Browser):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root() / "site")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"http://127.0.0.1:{server.server_port}/{LESSON}")
    page.wait_for_function("navigator.serviceWorker.controller !== null")
    write(page, SOLUTION)
    check(page)
    page.wait_for_function(KEPT)
    server.shutdown()
    server.server_close()

    page.reload()
    expect(page.get_by_role("heading", name="Idempotency", level=1)).to_be_visible()
    expect(page.locator(f"{CONSUMER} .cm-content")).to_contain_text("ON CONFLICT DO NOTHING")
    check(page)
    expect(page.locator(CONSUMER)).to_contain_text(SOLVED)
    context.close()
