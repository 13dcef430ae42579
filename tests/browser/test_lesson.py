"""The lesson in a real Chromium: an exercise is failed, its story is stepped through, and it is solved."""

import json

import pytest
from playwright.sync_api import Browser, Page, expect

from course.catalog import exercise
from course.grading import grade
from unreliable import Program

from .conftest import CONSUMER, LESSON, PATIENCE_MS

EXERCISE = exercise("03-idempotency/dedup_consumer")
STARTER = EXERCISE.starter.read_text("utf-8")
LOOP = """
async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
"""
BAD = {
    "a syntax error": ("async def consume(consumer, db)\n    pass\n", "expected ':'", 1),
    "a missing function": ("async def konsume(consumer, db):\n    pass\n", "no function", None),
    "a wrong signature": ("async def consume(consumer):\n    pass\n", "takes (consumer)", 1),
    "a forbidden import": (f"import socket\n{LOOP}", "import socket", 1),
    "an endless loop": (f"{LOOP}        while True: pass\n", "without an await", 7),
    "much output": (f"{LOOP}        print('x' * 10_000_000)\n", "64 KiB", 7),
    "an exit": (f"import sys\n{LOOP}        sys.exit()\n", "asked Python to exit", 8),
    "a deep recursion": (f"def f():\n    f()\n{LOOP}        f()\n", "recursion is too deep", 2),
    "a list of a gigabyte": (f"{LOOP}        x = [0] * 250_000_000\n", "memory", 7),
    "sleeping for ever": (
        "async def consume(consumer, db, clock):\n    while True:\n        await clock.sleep(0)\n",
        "request after request",
        3,
    ),
}


def write(page: Page, source: str) -> None:
    page.locator(CONSUMER).scroll_into_view_if_needed()  # the editor is loaded when it comes near
    page.locator(f"{CONSUMER} .cm-content").fill(source)


def check(page: Page) -> None:
    page.get_by_role("button", name="Check").first.click()
    expect(page.get_by_role("button", name="Stop").first).to_be_disabled(timeout=PATIENCE_MS)


def test_an_exercise_is_failed_and_solved(page: Page):
    results = page.locator(CONSUMER)
    page.locator(CONSUMER).scroll_into_view_if_needed()
    page.locator(f"{CONSUMER} .cm-content").click()
    check(page)
    expect(results).to_contain_text("was applied more than once", timeout=PATIENCE_MS)
    slider = page.locator("course-story input[type=range]").first
    steps = int(slider.get_attribute("max") or 0)
    assert steps > 10
    slider.focus()
    page.keyboard.press("End")
    story = page.locator("course-story").first
    events = story.locator(".story-diagram .event")
    expect(events.first).to_be_visible()
    expect(events).to_have_count(steps + 1)
    last = story.locator(".count").inner_text()
    expect(story.locator(".event.current")).to_have_attribute("data-step", str(int(last.split()[-1]) - 1))

    story.get_by_role("button", name="Show all").click()  # the reader stays where they are
    expect(story.locator(".count")).to_have_text(last)
    everything = int(slider.get_attribute("max") or 0)
    assert everything > steps
    expect(events).to_have_count(everything + 1)
    slider.focus()
    page.keyboard.press("End")
    expect(story.locator(".count")).to_have_text(f"step {everything + 1}")
    story.get_by_role("button", name="Leave out").click()  # the last step is one of those
    expect(events).to_have_count(steps + 1)
    expect(story.locator(".count")).to_have_text(last)

    write(page, EXERCISE.solution.read_text("utf-8"))
    check(page)
    expect(results).not_to_contain_text("was applied more than once", timeout=PATIENCE_MS)
    expect(results).to_contain_text("1,038")


def test_every_kind_of_bad_input_is_told_and_the_page_goes_on(page: Page):
    for name, (source, said, line) in BAD.items():
        write(page, source)
        check(page)
        told = page.locator(CONSUMER).inner_text().replace("`", "")
        assert said in told, f"{name}: {told[-600:]}"
        assert line is None or f"ine {line}" in told, f"{name}: {told[-600:]}"
    write(page, EXERCISE.solution.read_text("utf-8"))
    check(page)
    expect(page.locator(CONSUMER)).to_contain_text("1,038", timeout=PATIENCE_MS)


ASK = """async ([exercise, source]) => {
    const worker = new Worker("../../assets/course/worker.js", { type: "module" });
    const told = (kind) => new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => {
            if (data.kind === kind) resolve(data);
            if (data.kind === "died" || data.kind === "failed") reject(new Error(data.message));
        };
    });
    await told("ready");
    worker.postMessage({ kind: "check", exercise, source });
    const { json } = await told("result");
    worker.terminate();
    return json;
}"""


def test_the_page_tells_the_same_stories_as_the_terminal(page: Page):
    there = json.loads(page.evaluate(ASK, [EXERCISE.id, STARTER]))
    here = json.loads(json.dumps(grade(EXERCISE, Program(STARTER, "dedup_consumer.py")).to_json()))
    assert len([test for test in here["tests"] if test["story"]]) > 3
    assert there == here


@pytest.mark.parametrize("width", [360, 390, 1280])
def test_the_lesson_fits_the_window(browser: Browser, site: str, width: int):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(site + LESSON)
    page.locator(CONSUMER).scroll_into_view_if_needed()
    expect(page.locator(f"{CONSUMER} .cm-content")).to_be_visible(timeout=PATIENCE_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_without_javascript_the_lesson_shows_code_outputs_and_exercise(browser: Browser, site: str):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site + LESSON)
    expect(page.locator("course-cell .outputs svg").first).to_be_visible()
    expect(page.locator(CONSUMER)).to_contain_text("async def consume")
    page.locator(CONSUMER).get_by_text("Solution", exact=True).click()
    expect(page.locator(f"{CONSUMER} details.solution")).to_contain_text("ON CONFLICT DO NOTHING")
    context.close()


def test_code_survives_a_reload(page: Page):
    write(page, "# mine\n")
    expect(page.locator(f"{CONSUMER} .cm-content")).to_contain_text("# mine")
    page.wait_for_function("Object.values(localStorage).some((value) => value.includes('# mine'))")
    page.reload()
    page.locator(CONSUMER).scroll_into_view_if_needed()
    expect(page.locator(f"{CONSUMER} .cm-content")).to_contain_text("# mine")


def test_a_cell_runs_live_with_the_cells_before_it(page: Page):
    cell = page.locator("course-cell").nth(0)
    built = cell.locator(".outputs").inner_text()
    cell.get_by_role("button", name="Run").click()
    expect(cell.get_by_role("button", name="Reset")).to_be_visible(timeout=PATIENCE_MS)
    expect(cell.locator(".outputs").last).to_contain_text(built.strip().splitlines()[0])


def test_the_search_is_loaded_when_it_is_wanted_and_finds(browser: Browser, site: str):
    page = browser.new_page(service_workers="block")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site + LESSON)
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "search_index" in url]
    page.keyboard.press("/")
    page.keyboard.type("common knowledge")
    expect(page.locator(".md-search-result__item").first).to_contain_text("Two generals", timeout=PATIENCE_MS)
    page.close()


GENERALS = "lessons/01-two-generals/"
PLAY = "course-cell:has(.play)"


def test_a_reader_loses_a_message_by_hand_and_takes_it_back(page: Page, site: str):
    page.goto(site + GENERALS)
    cell = page.locator(PLAY)
    verdict = cell.locator(".verdict")
    expect(verdict).to_contain_text("All is as it should be")
    last = cell.get_by_role("button", name="lose it: B, sending 3 to A")
    last.focus()
    page.keyboard.press("Enter")  # the first press starts Python, and runs the cells above
    expect(verdict).to_contain_text("General B attacks alone", timeout=PATIENCE_MS)
    expect(last).to_have_attribute("aria-pressed", "true")
    expect(last).to_be_focused()
    expect(cell.get_by_role("status").first).to_contain_text("it is lost. torn write: General B attacks alone")
    assert cell.locator("svg .event.trouble").count() == 1
    undo = cell.get_by_role("button", name="Undo the last fault")
    undo.click()
    expect(verdict).to_contain_text("You have chosen no fault")
    expect(undo).to_be_focused()
    expect(undo).to_be_disabled()
    cell.get_by_role("button", name="lose it: A, sending 0 to B").click()
    expect(verdict).to_contain_text("All is as it should be")
    expect(last).to_have_count(0)  # B answers nothing
    cell.get_by_role("button", name="Start over").click()
    expect(last).to_have_attribute("aria-pressed", "false")


def test_without_javascript_a_play_shows_its_run_and_no_button(browser: Browser, site: str):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(site + GENERALS)
    page.locator(PLAY).scroll_into_view_if_needed()
    expect(page.locator(f"{PLAY} svg")).to_be_visible()
    expect(page.locator(f"{PLAY} li").last).to_contain_text("B sends 3 to A")
    expect(page.locator(f"{PLAY} button").first).to_be_hidden()
    context.close()


def test_letters_that_are_typed_in_a_cell_or_an_exercise_stay_there(page: Page):
    """The frame around the lessons goes to another page for n and p, and to the search for s."""
    address = page.url
    for place in (page.locator("course-cell pre").first, page.locator(f"{CONSUMER} .course-button").first):
        place.click()
        page.keyboard.type("np.,fs/")
    assert page.url == address
    expect(page.locator("[data-md-component=search-query]")).not_to_be_focused()


def test_code_that_was_reset_comes_back_and_so_does_what_was_written_since(page: Page):
    code = page.locator(f"{CONSUMER} .cm-content")
    buttons = page.locator(CONSUMER).get_by_role("button")
    write(page, "# first\n")
    buttons.filter(has_text="Reset").first.click()
    expect(code).to_contain_text("TODO")
    write(page, "# second\n")
    buttons.filter(has_text="Undo reset").click()
    expect(code).to_contain_text("# first")
    buttons.filter(has_text="Undo switch").click()
    expect(code).to_contain_text("# second")


def test_a_touch_that_may_scroll_starts_no_python(browser: Browser, site: str):
    context = browser.new_context(has_touch=True)
    page = context.new_page()
    page.goto(site + LESSON)
    place = page.locator("course-cell pre").first
    place.scroll_into_view_if_needed()
    place.dispatch_event("pointerdown", {"pointerType": "touch", "bubbles": True})
    expect(page.locator("course-cell .runtime")).to_have_count(0)
    place.dispatch_event("pointerdown", {"pointerType": "mouse", "bubbles": True})
    expect(page.locator("course-cell .runtime").first).to_be_visible(timeout=PATIENCE_MS)
    context.close()


def test_an_editor_that_cannot_be_loaded_says_what_can_be_done(browser: Browser, site: str):
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    page.route("**/editor-*.js", lambda route: route.fulfill(status=404))
    page.goto(site + LESSON)
    page.locator(CONSUMER).scroll_into_view_if_needed()
    notice = page.locator(f"{CONSUMER} .notice")
    expect(notice).to_contain_text("could not be loaded", timeout=PATIENCE_MS)
    page.unroute("**/editor-*.js")
    notice.get_by_role("button", name="Reload").click()
    page.locator(CONSUMER).scroll_into_view_if_needed()
    expect(page.locator(f"{CONSUMER} .cm-content")).to_be_visible(timeout=PATIENCE_MS)
    context.close()
