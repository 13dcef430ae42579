"""Choices: the places where the world could go more than one way.

Rules
- The world never asks chance; it asks `Choices`. The first option is always the faultless one.
- A schedule is the sequence of the choices that were not the first option. Whoever knows the program and
  the schedule knows the whole run, so its token replays the run exactly.
- Choices are counted from 0 in the order in which the run meets them. Up to its first fault a run is the
  faultless run, so the numbers mean the same in both.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

FAULTLESS = "faultless"


class ScheduleError(ValueError):
    """A token that is no schedule, or a schedule that does not fit the run it was given to."""


@dataclass(frozen=True)
class Schedule:
    """The choices that leave the faultless path, as (choice, option) pairs in the order of the run."""

    faults: tuple[tuple[int, int], ...] = ()

    def __len__(self) -> int:
        return len(self.faults)

    def then(self, choice: int, option: int) -> "Schedule":
        """This schedule with one more fault at its end."""
        return Schedule((*self.faults, (choice, option)))

    @property
    def token(self) -> str:
        """Short text that `Schedule.parse` reads back: `7.1-23.2` is option 1 of choice 7, then 2 of 23."""
        return "-".join(f"{choice}.{option}" for choice, option in self.faults) or FAULTLESS

    @classmethod
    def parse(cls, token: str) -> "Schedule":
        """Raises ScheduleError for a text that no schedule gives."""
        if token == FAULTLESS:
            return cls()
        if not re.fullmatch(r"\d+\.\d+(-\d+\.\d+)*", token):
            raise ScheduleError(f"{token!r} is no schedule; one looks like 7.1-23.2, or {FAULTLESS}")
        pairs = [pair.split(".") for pair in token.split("-")]
        return cls(tuple((int(choice), int(option)) for choice, option in pairs))


class Choices:
    """Answers one run's choices from a schedule, and remembers what could have been chosen.

    `met` has the options of every choice so far, `faults` counts those that were not the first;
    `settled` tells whether the schedule is used up.
    """

    __slots__ = ("_next", "_rest", "faults", "met")

    def __init__(self, schedule: Schedule = Schedule()) -> None:
        self.met: list[tuple[str, ...]] = []
        self.faults = 0
        self._rest = iter(schedule.faults)
        self._next = next(self._rest, None)

    @property
    def settled(self) -> bool:
        return self._next is None

    def choose(self, options: tuple[str, ...]) -> str:
        """One of `options`: the first, unless the schedule says otherwise here."""
        number = len(self.met)
        self.met.append(options)
        if self._next is None or self._next[0] != number:
            return options[0]
        option = self._next[1]
        if not 0 < option < len(options):
            raise ScheduleError(f"choice {number} has no option {option}, only {', '.join(options)}")
        self._next = next(self._rest, None)
        self.faults += 1
        return options[option]


class Dice(Choices):
    """Chooses at random: a fault with the given probability, each fault alike. `taken` is the schedule."""

    __slots__ = ("_fault_probability", "_random", "taken")

    def __init__(self, random: Callable[[], float], fault_probability: float) -> None:
        super().__init__()
        self.taken = Schedule()
        self._random = random
        self._fault_probability = fault_probability

    def choose(self, options: tuple[str, ...]) -> str:
        self.met.append(options)
        if len(options) == 1 or self._random() >= self._fault_probability:
            return options[0]
        option = 1 + int(self._random() * (len(options) - 1))
        self.faults += 1
        self.taken = self.taken.then(len(self.met) - 1, option)
        return options[option]
