"""Results: what a grading found, in the one form that page, terminal and instructors read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from unreliable import Event, Replay, Trace, Verdict, diagram
from unreliable.focus import focus
from unreliable.program import Problem

SCHEMA = 1


@dataclass
class TestResult:
    """One test of a grader. `story` is there for a failed one; `events` are those of its trace that it tells."""

    name: str
    title: str
    outcome: str = "error"  # passed, failed, error
    schedules: dict[str, Any] | None = None
    anomaly: str | None = None
    sentence: str | None = None
    token: str | None = None
    problem: Problem | None = None
    story: dict[str, Any] | None = None
    trace: Trace | None = None
    events: tuple[Event, ...] = ()

    @property
    def told(self) -> str:
        """The story as text, for a failed test."""
        return diagram.text(self.trace, self.events) if self.trace is not None else ""

    def to_json(self) -> dict[str, Any]:
        """All but the trace, which the story tells."""
        shown = {name: value for name, value in vars(self).items() if name not in ("trace", "events", "problem")}
        return {**shown, "problem": asdict(self.problem) if self.problem else None}

    def take(self, verdict: Verdict) -> None:
        """Adds what an exploration found."""
        self.schedules = {
            "run": verdict.run,
            "covered": verdict.covered,
            "exhausted": verdict.exhausted,
            "faults": verdict.budget,
        }
        if verdict.anomaly is not None:
            self.fail(verdict.anomaly.name, verdict.anomaly.sentence)
            self.token = verdict.token
            self.problem = verdict.problem
            if verdict.trace is not None:
                self.tell(verdict.trace, verdict.told)

    def tell(self, trace: Trace, told: Sequence[Event] = ()) -> None:
        """Adds the story of a run."""
        self.trace, self.events = trace, tuple(told or focus(trace.events))
        self.story = story(trace, self.token, self.events)

    def fail(self, anomaly: str, sentence: str) -> None:
        self.outcome = "failed"
        self.anomaly = anomaly
        self.sentence = sentence


@dataclass
class Results:
    """One grading of one submission."""

    exercise: str
    problem: Problem | None = None
    tests: list[TestResult] = field(default_factory=list[TestResult])
    output: str = ""

    @property
    def passed(self) -> bool:
        return bool(self.tests) and all(test.outcome == "passed" for test in self.tests)

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "schema": SCHEMA,
            "exercise": self.exercise,
            "passed": self.passed,
            "problem": asdict(self.problem) if self.problem else None,
            "tests": [test.to_json() for test in self.tests],
            "output": self.output,
        }


def story(trace: Trace, token: str | None, told: Sequence[Event] = ()) -> dict[str, Any]:
    """A trace as the page tells it: diagram, sentences, and the state after each event.

    `told` are the indexes of the events that the diagram `svg` shows; `whole` shows all, if those are more.
    """
    part = told if 0 < len(told) < len(trace.events) else ()
    steps = {event.step for event in part or trace.events}
    return {
        "svg": diagram.svg(trace, part),
        "whole": diagram.svg(trace) if part else None,
        "told": [index for index, event in enumerate(trace.events) if event.step in steps],
        "text": [event.text for event in trace.events],
        "events": [vars(event) for event in trace.events],
        "token": token,
    }


def run_to_json(replay: Replay | None, output: str, problem: Problem | None) -> dict[str, Any]:
    """One faultless run, as the page shows it."""
    return {
        "problem": asdict(problem) if problem else None,
        "output": output,
        "story": story(replay.trace, None) if replay else None,
    }
