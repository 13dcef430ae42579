"""A play: the reader's choices as buttons, and where each of them leads."""

import re
from html.parser import HTMLParser

import pytest

from unreliable import FAULTS, Anomaly, Process, Program, Scenario, ScheduleError, World, explore, play
from unreliable.play import MOST_CHOICES, WORDS, Play

NOBODY = Program("")
UNDO, OVER = "undo the last fault", "start over"


class Buttons(HTMLParser):
    """The buttons of a play, by their `data-choice`."""

    def __init__(self, shown: Play) -> None:
        super().__init__()
        self.found: dict[str, dict[str, str | None]] = {}
        self.feed(shown._repr_html_())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "button":
            self.found[dict(attrs)["data-choice"] or ""] = dict(attrs)


def buttons(shown: Play) -> dict[str, dict[str, str | None]]:
    return Buttons(shown).found


def press(shown: Play, *choices: str) -> Play:
    """What the page does: it asks for the schedule of one button after the other."""
    for choice in choices:
        shown = shown.choose(buttons(shown)[choice]["data-schedule"] or "")
    return shown


def text(shown: Play) -> str:
    return re.sub(r"<[^>]+>", " ", re.sub(r"<svg.*</svg>", "", shown._repr_html_()))


async def asks(network):
    await network.send("B", "?")
    await network.receive(timeout=1)


async def answers(network, db):
    if await network.receive(timeout=9) is not None:
        await db.execute("INSERT INTO heard VALUES ('?')")
        await network.send("A", "<b>yes</b>")


def heard(world: World) -> Anomaly | None:
    return None if world.database.query("SELECT * FROM heard") else Anomaly("lost message", "B heard nothing.")


def question(*faults: str) -> Play:
    processes = (Process("A", asks), Process("B", answers))
    table = "CREATE TABLE heard (text TEXT)"
    return play(Scenario("question", processes, heard, tables=table, faults=frozenset(faults)), NOBODY)


def test_at_first_nothing_goes_wrong_and_every_fault_can_be_chosen():
    shown = question("lose", "delay")
    assert "You have chosen no fault." in text(shown)
    assert "All is as it should be" in text(shown)
    assert {choice: button.get("aria-label") for choice, button in buttons(shown).items()} == {
        "0.1": "lose it: A, sending ? to B",
        "0.2": "delay it: A, sending ? to B",
        "4.1": "lose it: B, sending <b>yes</b> to A",
        "4.2": "delay it: B, sending <b>yes</b> to A",
        UNDO: None,
        OVER: None,
    }


def test_a_chosen_fault_happens_and_its_button_is_pressed():
    lost = press(question("lose"), "0.1")
    assert "A sends ? to B; it is lost." in text(lost)
    assert "B heard nothing." in text(lost)
    assert buttons(lost)["0.1"]["aria-pressed"] == "true"
    assert "4.1" not in buttons(lost)  # what is not sent cannot get lost


@pytest.mark.parametrize("back", ["0.1", UNDO, OVER])
def test_a_chosen_fault_is_taken_back(back: str):
    shown = question("lose")
    assert press(shown, "0.1", back)._repr_html_() == shown._repr_html_()


def test_undo_takes_back_the_last_fault_and_start_over_all():
    both = press(question("lose", "delay"), "0.2", "4.1")
    assert both.replay.schedule.token == "0.2-4.1"
    assert press(both, UNDO).replay.schedule.token == "0.2"
    assert press(both, OVER).replay.schedule.token == "faultless"
    assert press(both, OVER, UNDO).replay.schedule.token == "faultless"


def test_another_choice_before_takes_back_those_after_it():
    both = press(question("lose", "delay"), "0.2", "4.1")
    assert press(both, "0.1").replay.schedule.token == "0.1"
    assert press(both, "0.2").replay.schedule.token == "faultless"


def test_by_hand_one_finds_what_the_exploration_finds():
    shown = question("crash", "lose", "duplicate")
    verdict = explore(shown.scenario, NOBODY, budget=1)
    assert verdict.schedule is not None
    by_hand = press(shown, verdict.schedule.token)
    assert (by_hand.replay.anomaly, by_hand.replay.trace.fingerprint) == (
        verdict.anomaly,
        verdict.trace and verdict.trace.fingerprint,
    )


def test_what_the_program_wrote_is_shown_and_never_obeyed():
    assert "<b>yes</b>" not in question("lose")._repr_html_()
    assert "B sends &lt;b&gt;yes&lt;/b&gt; to A" in question("lose")._repr_html_()


def test_a_schedule_that_does_not_fit_is_followed_as_far_as_it_does():
    """The cell was edited, and the buttons are those of what it was before."""
    assert question("lose").choose("0.1-99.1").replay.schedule.token == "0.1"
    assert question().choose("0.1").replay.schedule.token == "faultless"
    with pytest.raises(ScheduleError, match="is no schedule"):
        question("lose").choose("0.1-")


async def transfers(producer, consumer):
    await producer.init_transactions()
    await producer.begin_transaction()
    await (await producer.produce("payments", "1"))
    await producer.commit_transaction()


async def sends(producer):
    await (await producer.produce("payments", "2"))


async def applies(consumer, db):
    message = await consumer.poll(1.0)
    async with db.transaction():
        await db.execute("INSERT INTO heard VALUES ('?')")
    await consumer.commit(message=message, asynchronous=False)


async def joins(consumer):
    await consumer.poll(1.0)


def test_every_fault_there_is_has_words():
    scenario = Scenario(
        "all",
        (
            Process("A", transfers, producer={"transactional.id": "a"}),
            Process("B", sends),
            Process("C", applies, start_ms=100),
            Process("D", joins, start_ms=None),
            Process("E", asks),
            Process("F", answers),
        ),
        lambda _: None,
        topics=(("payments", 1),),
        tables="CREATE TABLE heard (text TEXT)",
        faults=frozenset(FAULTS),
    )
    shown = play(scenario, NOBODY)
    choices = shown.replay.trace.choices
    assert {option for choice in choices for option in choice.options[1:]} == set(WORDS)
    assert len(buttons(shown)) == sum(len(choice.options) - 1 for choice in choices) + 2


def test_a_fault_without_an_event_of_its_own_is_told_by_its_words():
    processes = (Process("A", joins), Process("B", joins, start_ms=None))
    faults = frozenset({"rebalance"})
    shown = play(Scenario("group", processes, lambda _: None, topics=(("t", 2),), faults=faults), NOBODY)
    assert ": let another join." in text(press(shown, "0.1"))


async def pays(producer):
    await (await producer.produce("payments", "1", partition=0))


async def commits(consumer):
    while True:
        message = await consumer.poll(1.0)
        if message is not None:
            await consumer.commit(message=message, asynchronous=False)


def test_of_consumer_groups_it_tells_assignment_and_lag():
    processes = (
        Process("A", pays, faults=frozenset()),
        Process("B", commits, start_ms=100),
        Process("C", commits, start_ms=None, faults=frozenset()),
    )
    faults = frozenset({"rebalance", "lose"})
    shown = play(Scenario("group", processes, lambda _: None, topics=(("payments", 2),), faults=faults), NOBODY)
    assert "B has payments-0, payments-1; lag 1" in text(shown)
    assert "At the end: B has payments-0, payments-1; lag 0." in text(shown)
    join = [choice for choice in shown.replay.trace.choices if "rebalance" in choice.options][-1]
    shared = press(shown, f"{join.number}.1")
    assert "At the end: B has payments-0, C has payments-1; lag 0." in text(shared)


async def chatters(network):
    while True:
        await network.send("A", "?")


def test_a_run_that_goes_on_and_on_shows_its_first_choices():
    endless = Scenario("endless", (Process("A", chatters),), lambda _: None, faults=frozenset({"lose"}))
    shown = play(endless, NOBODY)
    assert len(buttons(shown)) == MOST_CHOICES + 2
    assert f"{len(shown.replay.trace.choices) - MOST_CHOICES:,} more are not shown." in text(shown)
