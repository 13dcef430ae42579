"""A long story in few events: those that say most.

Rules
- At most `MOST` events are told, faults before all others.
- An event weighs 4 if it changes what lasts, 3 if something is heard by it or a process does not go on after it,
  and 0 otherwise; where something only begins or ends it weighs less than nothing.
- From that 2 is taken off for each turn between it and the nearest fault, or the end of the story. A turn of a
  process lasts from what it hears to what it hears next.
- Of equals the later is told.
"""

from collections.abc import Sequence, Set

from unreliable.diagram.layout import is_fault
from unreliable.trace import EXCEPTION, RESTART, RETURN, SLEEP, START, Event

MOST = 15
CONSEQUENCES = (EXCEPTION, "refused")  # they leave the faultless path because something else did before
HEARS = ("poll", "receive")
TURNS = (START, RESTART, SLEEP, "assign", *HEARS)
WEIGHTS = {
    **dict.fromkeys((*HEARS, *CONSEQUENCES), 3),
    SLEEP: -1,
    **dict.fromkeys(("commit", "rollback"), -2),  # of what changes nothing
    **dict.fromkeys(("begin", START, RESTART, RETURN, "join"), -3),
}
CHANGES = 4
FAR = 2
FAULT = 1_000


def abridge(told: Sequence[Event], changes: Set[int]) -> list[Event]:
    """At most `MOST` of the events, in their order; `changes` are the steps that change what lasts."""
    if len(told) <= MOST:
        return list(told)
    turns = _turns(told)
    near = {turns[event.step] for event in told if is_cause(event)} | {turns[told[-1].step]}

    def says(event: Event) -> tuple[int, int]:
        weight = CHANGES if event.step in changes else WEIGHTS.get(event.kind, 0)
        weight = FAULT if is_cause(event) else weight - FAR * min(abs(turns[event.step] - turn) for turn in near)
        return weight, event.step

    return sorted(sorted(told, key=says)[-MOST:], key=lambda event: event.step)


def is_cause(event: Event) -> bool:
    """Whether the run leaves the faultless path here by itself."""
    return is_fault(event) and event.kind not in CONSEQUENCES


def _turns(told: Sequence[Event]) -> dict[int, int]:
    """The number of the turn that each step belongs to."""
    numbers: dict[int, int] = {}
    turn_of: dict[str, int] = {}
    turns = 0
    for event in told:
        if event.process not in turn_of or event.kind in TURNS:
            turn_of[event.process] = turns
            turns += 1
        numbers[event.step] = turn_of[event.process]
    return numbers
