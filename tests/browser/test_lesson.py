"""The built lesson in a real Chromium: an exercise is failed, its story is opened, and it is solved."""

import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from course.catalog import exercise, root

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
EXERCISE = exercise("03-idempotency/dedup_consumer")
PATIENCE_MS = 60_000  # a shared machine starts Python slowly; nothing is measured here


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return None


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root() / "site")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def page(site: str) -> Iterator[Page]:
    chromium = subprocess.run([".ci/find-chromium"], cwd=root(), check=True, capture_output=True, text=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.stdout.strip(), args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(f"{site}/lessons/03-idempotency/")
        yield page
        browser.close()


def test_an_exercise_is_failed_and_solved(page: Page, site: str):
    page.locator("course-exercise").scroll_into_view_if_needed()  # the editor is loaded when it comes near
    page.locator("course-exercise .cm-content").click()
    page.get_by_role("button", name="Check").first.click()
    expect(page.locator("course-exercise")).to_contain_text("was applied more than once", timeout=PATIENCE_MS)
    expect(page.locator("course-story svg").first).to_be_visible()
    page.locator("course-exercise .cm-content").fill(EXERCISE.solution.read_text("utf-8"))
    page.get_by_role("button", name="Check").first.click()
    expect(page.locator("course-exercise")).to_contain_text("1,038", timeout=PATIENCE_MS)
    expect(page.locator("course-exercise")).not_to_contain_text("was applied more than once")
    assert [url for url in page.asked if not url.startswith((site, "blob:", "data:"))] == []
