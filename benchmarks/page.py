"""What a lesson costs a reader in Chromium before the first click: bytes, hosts, the main thread's longest task.

make build && python benchmarks/page.py
"""

import gzip
import statistics
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, Response, sync_playwright

from course.catalog import root

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]
LESSON = "/lessons/03-idempotency/"
EXERCISE = 'course-exercise[exercise="03-idempotency/dedup_consumer"]'
SETTLED_MS = 3000
ROUNDS = 5
PACKED = (".png", ".woff2", ".bin", ".zip", ".whl")  # compressed as they are
# Tasks of 50 ms and more, which the browser reports; shorter ones are not told.
LONGEST_TASK = """() => new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(Math.max(...list.getEntries().map((task) => task.duration))))
        .observe({ type: "longtask", buffered: true });
    setTimeout(() => resolve(0), 500);
})"""


def main() -> None:
    """Prints the three figures, for a reader who stays at the top and for one who scrolls to the exercise."""
    with served() as address:
        for scroll in (False, True):
            print("Scrolled to the exercise:" if scroll else "At the top of the lesson:")
            longest: list[float] = []
            for _ in range(ROUNDS):
                with chromium() as browser:
                    sizes, task = measure(browser.new_page(), address + LESSON, scroll)
                    longest.append(task)
            tell(sizes, longest)


def measure(page: Page, url: str, scroll: bool) -> tuple[dict[str, int], float]:
    """The compressed size of each response, and the longest task in milliseconds: 0 where none took 50."""
    responses: list[Response] = []
    page.on("response", lambda response: responses.append(response))  # noqa: PLW0108 Playwright looks at the code of a handler
    page.goto(url)
    if scroll:
        page.locator(EXERCISE).scroll_into_view_if_needed()
    page.wait_for_timeout(SETTLED_MS)
    sizes = {response.url: compressed(response) for response in responses}
    return sizes, page.evaluate(LONGEST_TASK)


def tell(sizes: dict[str, int], longest: list[float]) -> None:
    print(f"  {sum(sizes.values()) / 1000:.0f} KB compressed in {len(sizes)} responses (wanted: 300 KB)")
    for asked, size in sorted(sizes.items(), key=lambda item: -item[1])[:5]:
        print(f"    {size / 1000:6.1f} KB  {urlsplit(asked).path}")
    print(f"  hosts asked: {', '.join(sorted({str(urlsplit(asked).hostname) for asked in sizes}))}")
    tasks = ", ".join(f"{task:.0f}" if task else "under 50" for task in sorted(longest))
    print(f"  longest task of the main thread: {statistics.median(longest):.0f} ms (of {tasks}; wanted: 100 ms)")


def compressed(response: Response) -> int:
    body = response.body()
    return len(body) if urlsplit(response.url).path.endswith(PACKED) else len(gzip.compress(body, 6))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return None


@contextmanager
def served() -> Iterator[str]:
    """The address at which the built site is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root() / "site")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A fresh browser: nothing is cached in it."""
    found = subprocess.run([".ci/find-chromium"], cwd=root(), check=True, capture_output=True, text=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=FLAGS)
        yield browser
        browser.close()


if __name__ == "__main__":
    main()
