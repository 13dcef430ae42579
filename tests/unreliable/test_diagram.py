"""What a diagram, a telling and a page of a trace promise, tried on one story of each kind of fault."""

import json
import re
from collections.abc import Callable, Iterator
from xml.etree import ElementTree

import pytest

from unreliable import Event, Process, Program, Replay, Scenario, Schedule, Trace, diagram, explore, replay
from unreliable.choices import ScheduleError
from unreliable.diagram.layout import Layout
from unreliable.scenario import Anomaly
from unreliable.words import MOST_LABEL

TABLES = """
create table accounts (id text primary key, balance integer not null);
insert into accounts values ('alice', 0), ('bob', 0);
"""
CONSUME = """
import json

async def consume(consumer, db):
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        payment = json.loads(message.value())
        async with db.transaction():
            await db.execute(
                "UPDATE accounts SET balance = balance + %s WHERE id = %s",
                (payment["amount"], payment["account"]),
            )
        await consumer.commit(message=message, asynchronous=False)
"""
PING = """
async def ping(network):
    for number in range(2):
        while True:
            await network.send("pong", f"job {number}")
            if await network.receive(timeout=2.0) is not None:
                break

async def pong(network):
    while True:
        sender, job = await network.receive()
        await network.send(sender, f"done {job}")
"""
HOSTILE = """
async def attack(producer, db):
    await producer.produce("payments", "</text><script>alert(1)</script>\\x1b[2J\\u202e&\\"'" * 3)
    await db.execute('CREATE TABLE "<img src=x onerror=alert(1)>" (a TEXT)')
    await db.execute("INSERT INTO accounts VALUES (%s, 1)", ("]]></style><svg onload=alert(1)>\\x07",))
    raise ValueError("<b>\\x00\\ud800</b>")
"""


async def pay(producer):
    for name, account, amount in (("p1", "alice", 30), ("p2", "bob", 20)):
        payment = {"id": name, "account": account, "amount": amount}
        await (await producer.produce("payments", json.dumps(payment), key=account))


def nothing_wrong(_) -> None:
    return None


def bank(consumers: int = 1) -> Scenario:
    names = ["consumer", *(f"consumer-{number}" for number in range(2, consumers + 1))]
    readers = (Process(name, "consume", ("consumer", "db"), start_ms=100) for name in names)
    faults = frozenset({"crash", "lose", "error", "pause"})
    return Scenario(
        "bank",
        (Process("producer", pay, faults=faults - {"error"}), *readers),
        nothing_wrong,
        (("payments", 2),),
        TABLES,
        faults,
    )


def network() -> Scenario:
    processes = (Process("ping", "ping", ("network",)), Process("pong", "pong", ("network",)))
    return Scenario("network", processes, nothing_wrong, faults=frozenset({"lose", "duplicate", "delay"}))


def hostile() -> Replay:
    scenario = Scenario(
        "hostile", (Process("<a>", "attack", ("producer", "db")),), nothing_wrong, (("payments", 1),), TABLES
    )
    return replay(scenario, Program(HOSTILE))


def first(scenario: Scenario, source: str, wanted: Callable[[Event], bool]) -> Trace:
    """The first run with one fault in which an event is as wanted."""
    for trace in with_one_fault(scenario, Program(source)):
        if any(wanted(event) for event in trace.events):
            return trace
    raise AssertionError("there is no such run")


def with_one_fault(scenario: Scenario, program: Program) -> Iterator[Trace]:
    for choice in range(60):
        for option in range(1, 5):
            try:
                yield replay(scenario, program, Schedule(((choice, option),))).trace
            except ScheduleError:
                break


STORIES: dict[str, Callable[[], Trace]] = {
    "faultless": lambda: replay(bank(), Program(CONSUME)).trace,
    "two consumers": lambda: replay(bank(2), Program(CONSUME)).trace,
    "crash": lambda: first(bank(), CONSUME, lambda e: e.kind == "crash" and "rolled back" in e.text),
    "resend": lambda: first(bank(), CONSUME, lambda e: e.kind == "resend"),
    "no answer to COMMIT": lambda: first(bank(), CONSUME, lambda e: (e.kind, e.lost) == ("commit", "reply")),
    "no COMMIT": lambda: first(bank(), CONSUME, lambda e: (e.kind, e.lost) == ("commit", "request")),
    "error": lambda: first(bank(), CONSUME, lambda e: e.kind == "error"),
    "zombie": lambda: first(bank(2), CONSUME, lambda e: e.kind == "refused"),
    "lost": lambda: first(network(), PING, lambda e: e.lost == "request"),
    "twice": lambda: first(network(), PING, lambda e: e.kind == "duplicate"),
    "late": lambda: first(network(), PING, lambda e: e.kind == "delay"),
    "hostile": lambda: hostile().trace,
    "nothing": lambda: replay(Scenario("nothing", (), nothing_wrong), Program("")).trace,
}


@pytest.fixture(params=STORIES)
def trace(request: pytest.FixtureRequest) -> Trace:
    return STORIES[request.param]()


def words(trace: Trace, step: int) -> list[str]:
    """What stands at an event, as a reader sees it."""
    group = groups(trace)[step]
    return [element.text or "" for element in group if element.tag.endswith("}text")]


def groups(trace: Trace) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(diagram.svg(trace))
    return [element for element in root.iter() if element.get("class", "").split()[:1] == ["event"]]


def step_of(trace: Trace, kind: str) -> int:
    return next(event.step for event in trace.events if event.kind == kind)


# What holds for every story


def test_each_event_is_one_group_with_its_step_and_sentence(trace: Trace):
    drawn = groups(trace)
    assert [group.get("data-step") for group in drawn] == [str(event.step) for event in trace.events]
    assert all(group[0].tag.endswith("}title") and group[0].text for group in drawn)
    assert all(len(group) > 1 for group in drawn)


def test_the_same_run_is_drawn_alike(trace: Trace, request: pytest.FixtureRequest):
    again = STORIES[request.node.callspec.params["trace"]]()
    assert diagram.svg(again) == diagram.svg(trace)
    assert diagram.text(again) == diagram.text(trace)


def test_ids_come_from_the_run(trace: Trace):
    ids = re.findall(r' id="([^"]+)"', diagram.svg(trace))
    assert len(ids) == len(set(ids)) == 2
    assert all(trace.fingerprint[:12] in name for name in ids)


def test_colours_are_custom_properties(trace: Trace):
    drawn = re.sub(r"<style>.*?</style>", "", diagram.svg(trace), flags=re.S)
    assert not re.search(r'(fill|stroke|color)="', drawn)
    assert "url(" not in diagram.svg(trace)


def test_everything_lies_within_the_picture(trace: Trace):
    layout = Layout(trace)
    rows = list(layout.rows.values())
    assert rows == sorted(set(rows))
    assert all(0 < layout.x(lane) < layout.width for lane in layout.lanes)
    assert not rows or rows[-1] < layout.height


def test_labels_are_short(trace: Trace):
    assert all(len(event.label) <= MOST_LABEL for event in trace.events)


def test_no_line_of_the_telling_is_too_long(trace: Trace):
    assert max(map(len, diagram.text(trace).splitlines()), default=0) <= 100


def test_nothing_that_a_learner_wrote_is_obeyed():
    trace = hostile().trace
    page = diagram.page("<i>", diagram.section("<i>", "<i>", trace, HOSTILE))
    for shown in (diagram.svg(trace), page, hostile()._repr_html_()):
        assert not re.search(r"<(script|img|b|i|a)\b", shown)
        assert shown.count("<svg") == 1
        shown.encode()
    for shown in (diagram.svg(trace), diagram.text(trace), page):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", shown)


def test_a_page_loads_and_runs_nothing(trace: Trace):
    page = diagram.page("A story", diagram.section("duplicate effect", "It happened twice.", trace, CONSUME))
    assert not re.search(r"<script|\bsrc=|\bhref=|@import", page.replace("src=x", ""))
    assert set(re.findall(r"https?://[^\"'<\s]+", page)) <= {"http://www.w3.org/2000/svg"}


# What single stories show


def test_logs_lie_between_those_who_write_and_those_who_read():
    lanes = Layout(STORIES["faultless"]()).lanes
    assert lanes == ["producer", "payments-0", "payments-1", "consumer", "database"]


def test_a_crash_interrupts_the_line_and_strikes_the_transaction_through():
    trace = STORIES["crash"]()
    crash, restart = step_of(trace, "crash"), step_of(trace, "restart")
    stretches = {
        (s.what, s.first, s.last) for s in Layout(trace).stretches if s.process == trace.events[crash].process
    }
    assert ("down", crash, restart) in stretches
    assert any(what == "rolled back" and last == crash for what, _, last in stretches)
    assert words(trace, crash)[0].startswith("crash before ")
    assert 'class="strike"' in diagram.svg(trace)


def test_an_answer_that_is_lost_is_not_a_request_that_is_lost():
    answered, unasked = STORIES["no answer to COMMIT"](), STORIES["no COMMIT"]()
    assert words(answered, step_of(answered, "commit")) == ["COMMIT", "answer lost"]
    assert words(unasked, step_of(unasked, "commit")) == ["COMMIT", "request lost"]
    assert {s.what for s in Layout(answered).stretches} >= {"committed"}
    assert {s.what for s in Layout(unasked).stretches} >= {"rolled back"}
    durable = [Layout(story).lasts(story.events[step_of(story, "commit")]) for story in (answered, unasked)]
    assert durable == [True, False]


def test_an_error_names_the_statement_and_the_exception():
    trace = STORIES["error"]()
    assert words(trace, step_of(trace, "error")) == ["UPDATE accounts", "QueryCanceled"]


def test_a_zombie_is_seen_to_stand_still_and_to_be_refused():
    trace = STORIES["zombie"]()
    pause, refused = step_of(trace, "pause"), step_of(trace, "refused")
    halt = next(s for s in Layout(trace).stretches if s.what == "pause")
    assert (halt.first, halt.process) == (pause, trace.events[refused].process)
    assert words(trace, refused)[-1] == "refused"
    assert 'class="pause"' in diagram.svg(trace)


def test_a_message_is_drawn_from_where_it_was_sent_to_where_it_was_received():
    twice, late = STORIES["twice"](), STORIES["late"]()
    sent = step_of(twice, "duplicate")
    assert len(Layout(twice).arrivals[sent]) == 2
    (arrival,) = Layout(late).arrivals[step_of(late, "delay")]
    assert late.events[arrival].time_ms > 5_000


def test_a_long_time_is_a_gap_with_the_time_beside_it():
    assert ">10.102 s<" in diagram.svg(STORIES["crash"]())
    assert 'class="gap"' not in diagram.svg(STORIES["faultless"]())


def test_of_a_run_that_goes_on_and_on_the_beginning_and_the_end_are_kept():
    trace = hostile().trace
    steps = [event.step for event in trace.events]
    left_out = steps[-1] + 1 - len(steps)
    assert (len(steps), steps[:200]) == (300, list(range(200)))
    assert left_out > 0
    assert f"⋯ {left_out:,} events left out" in diagram.text(trace)
    assert f"{left_out:,} events left out" in diagram.svg(trace)


def test_the_telling_ends_with_what_lasts():
    told = diagram.text(STORIES["faultless"]())
    assert told.endswith(
        """
Table accounts
  id     balance
  ─────  ───────
  alice  30
  bob    20

Logs
  payments-0: 1 record; group has committed offset 1
  payments-1: 1 record; group has committed offset 1
"""
    )


def test_a_part_of_the_events_says_how_many_are_left_out():
    trace = STORIES["crash"]()
    crash = next(event for event in trace.events if event.kind == "crash")
    told = [event for event in trace.events if abs(event.step - crash.step) < 2]
    before, after = told[0].step, len(trace.events) - told[-1].step - 1
    words = diagram.text(trace, told)
    assert words.startswith(f"     ⋯ {before} events left out\n")
    assert f"     ⋯ {after} events left out\n\nTable" in words
    drawing = diagram.svg(trace, told)
    assert f">{before} events left out<" in drawing
    assert f">{after} events left out<" in drawing
    assert drawing.count('class="event') == len(told)
    assert drawing.count('class="lane"') < diagram.svg(trace).count(
        'class="lane"'
    )  # the producer has no part in it


def test_a_transaction_is_not_drawn_where_all_of_it_is_left_out():
    trace = STORIES["faultless"]()
    told = [event for event in trace.events if event.kind == "commit"]
    assert diagram.svg(trace).count('class="committed"') == len(told) == 2
    assert diagram.svg(trace, told[1:]).count('class="committed"') == 1


def test_a_message_is_named_where_it_comes_if_its_sending_is_left_out():
    trace = STORIES["lost"]()
    receives = [event for event in trace.events if event.kind == "receive"]
    drawing = diagram.svg(trace, receives)
    assert receives
    assert all(f">{event.label}<" in drawing for event in receives)


def test_a_page_has_the_sentence_and_marks_the_line_of_the_fault():
    trace = STORIES["crash"]()
    crash = step_of(trace, "crash")
    page = diagram.page("A story", diagram.section("duplicate effect", "alice's 30 came twice.", trace, CONSUME))
    assert "alice&#x27;s 30 came twice." in page
    line = trace.events[crash].line
    assert f'<tr class="met"><th>{line}</th><td class="trouble">✗ {crash + 1}</td>' in page


def test_a_notebook_shows_traces_runs_and_verdicts():
    def always_wrong(_) -> Anomaly:
        return Anomaly("lost message", "p1 <never> came.")

    program = Program(CONSUME)
    run = replay(bank(), program)
    wrong = Scenario("bank", bank().processes, always_wrong, bank().topics, TABLES)
    assert run.trace._repr_svg_() == diagram.svg(run.trace)
    assert diagram.svg(run.trace) in run._repr_html_()
    failed = explore(wrong, program, 0)._repr_html_()
    assert "<strong>lost message</strong>: p1 &lt;never&gt; came." in failed
    assert "<svg" in failed
    assert "Right under all 1 schedules with up to 0 faults." in explore(bank(), program, 0)._repr_html_()
