"""Play: one run of a scenario, whose faults the reader chooses by hand.

Rules
- A play is the run of one schedule, faultless at first. It shows how the run ends, each choice that it came by
  with what happened there and what could have, and the diagram.
- Every option is a button that carries the token of the schedule it leads to (`data-schedule`), and a name that
  stays the same from run to run (`data-choice`). Whoever shows a play runs it again with that schedule: `choose`.
- Of consumer groups it shows who has which partitions and the lag: where that has changed, and at the end.
- What stands above a chosen fault stays as it was: above its button nothing moves.
- A choice is known by what came before it. So to change one takes back the faults after it.
- One run for each choice of the reader; no other schedule is looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from unreliable.choices import Schedule, ScheduleError
from unreliable.diagram import told
from unreliable.diagram.escaping import markup
from unreliable.diagram.layout import is_fault
from unreliable.diagram.pages import picture
from unreliable.explore import FAULTLESS, Explorer, Replay
from unreliable.program import Program
from unreliable.scenario import Scenario
from unreliable.trace import Choice, Event, Trace

MOST_CHOICES = 200  # of a run that goes on and on

WORDS = {
    "crash": "crash",
    "pause": "pause",
    "rebalance": "let another join",
    "lose": "lose it",
    "duplicate": "deliver it twice",
    "delay": "delay it",
    "error": "let it fail",
    "move": "move the coordinator",
    "lose request": "lose the request",
    "lose reply": "lose the answer",
    "retry request": "lose the request, send it again",
    "retry reply": "lose the answer, ask again",
}


@dataclass(frozen=True)
class Play:
    """A run to play with. A notebook shows it; in the page its buttons work."""

    scenario: Scenario
    program: Program
    schedule: Schedule = FAULTLESS

    def choose(self, token: str) -> "Play":
        """The play of another schedule. Raises ScheduleError for a text that no schedule gives."""
        return replace(self, schedule=Schedule.parse(token))

    @cached_property
    def replay(self) -> Replay:
        """The run. Faults at the end of the schedule that do not fit the program are left out."""
        schedule = self.schedule
        with Explorer(self.scenario, self.program) as explorer:
            while True:
                try:
                    return explorer.replay(schedule)
                except ScheduleError:
                    schedule = _without_last(schedule)

    def _repr_html_(self) -> str:
        run = self.replay
        choices = run.trace.choices
        left_out = len(choices) - MOST_CHOICES
        more = f"<p>{left_out:,} more are not shown.</p>" if left_out > 0 else ""
        return (
            f'<div class="play"><p class="actions">{_back(run.schedule)}</p>'
            f'<ol class="choices" aria-label="Choices of this run">{"".join(_rows(run))}</ol>{more}'
            f'<div class="verdict">{_paragraph(_chosen(run))}{told(*run.told)}{_paragraph(_groups_at_end(run))}'
            f"</div>{picture(run.trace)}</div>"
        )


def play(scenario: Scenario, program: Program) -> Play:
    """A run of `scenario` whose faults are chosen by hand, as the last line of a cell."""
    return Play(scenario, program)


def _without_last(schedule: Schedule) -> Schedule:
    return Schedule(schedule.faults[:-1])


def _chosen(run: Replay) -> str:
    """The faults of the run in words."""
    faults = [_words(run.trace, choice) for choice in run.trace.choices if choice.taken]
    return f"{'. '.join(faults)}." if faults else "You have chosen no fault."


def _groups_at_end(run: Replay) -> str:
    return f"At the end: {run.trace.groups}." if run.trace.groups else ""


def _paragraph(text: str) -> str:
    return f"<p>{markup(text)}</p>" if text else ""


def _words(trace: Trace, choice: Choice) -> str:
    """What happened at a choice."""
    event = _event(trace, choice)
    text = event.text if event else f"{choice.process}: {choice.doing}"
    told_by_event = event is not None and is_fault(event)
    return text if told_by_event or not choice.taken else f"{text}: {WORDS[choice.options[choice.taken]]}"


def _event(trace: Trace, choice: Choice) -> Event | None:
    """What came of a choice at once; waiting is no event."""
    event = next((event for event in trace.events if event.step == choice.step), None)
    here = event is not None and (event.process, event.time_ms) == (choice.process, choice.time_ms)
    return event if here else None


def _rows(run: Replay) -> Iterator[str]:
    """The choices: the diagram's row, what happened, the groups if they have changed, and the faults."""
    groups = ""
    for choice in run.trace.choices[:MOST_CHOICES]:
        event = _event(run.trace, choice)
        row = f"row {event.step + 1}" if event else ""
        trouble = ' class="trouble"' if choice.taken else ""
        faults = "".join(_fault(run.schedule, choice, option) for option in range(1, len(choice.options)))
        changed = f" <small>{markup(choice.groups)}</small>" if choice.groups != groups else ""
        groups = choice.groups
        what = f"<small>{row}</small> <span>{markup(_words(run.trace, choice))}{changed}</span>"
        yield f'<li{trouble}>{what} <span class="faults">{faults}</span></li>'


def _fault(schedule: Schedule, choice: Choice, option: int) -> str:
    """The button of a fault: pressed if it was taken; to press it again takes it back."""
    before = Schedule(tuple(fault for fault in schedule.faults if fault[0] < choice.number))
    taken = choice.taken == option
    token = before.token if taken else before.then(choice.number, option).token
    words = WORDS[choice.options[option]]
    label = markup(f"{words}: {choice.process}, {choice.doing}")
    name = f"{choice.number}.{option}"
    return (
        f'<button type="button" data-schedule="{token}" data-choice="{name}" aria-pressed="{str(taken).lower()}" '
        f'aria-label="{label}">{words}</button>'
    )


def _back(schedule: Schedule) -> str:
    """The buttons that take faults back; with nothing to take back they lead to where they are."""
    off = f' aria-disabled="{str(not schedule.faults).lower()}"'
    ways = {"Undo the last fault": _without_last(schedule), "Start over": FAULTLESS}
    return "".join(
        f'<button type="button" data-schedule="{back.token}" data-choice="{words.lower()}"{off}>{words}</button>'
        for words, back in ways.items()
    )
