"""The lab as a judge: the same tests as the grader's, on real servers.

Rules
- A test's scenario is played without a fault first; then again and again with the faults that it allows, until the
  quota of each kind is reached. The first round whose check finds an anomaly decides.
- A round that does not come to rest is played once more, with the same faults: a program that is stuck will be so
  again, and a machine that was slow, or a clock that was set, is nobody's mistake.
- A kind of fault that has a place in the program and never struck leaves the test without a verdict.
- The faults of the first rounds are chosen: before and after each line that waits, so that none is left out. Those
  that follow strike at random; the same seed draws the same faults, though real machines never run alike twice.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
from confluent_kafka import KafkaException

from course.lab import LabError, went_away
from course.lab.actors import APIS, Activity, Fault
from course.lab.rounds import Round, play
from course.lab.stage import Stage
from unreliable import Anomaly, Program, Scenario, Verdict

FAULTS = 3  # at most so many strike a process in a round
MOST_ROUNDS = 60
LIFE_HAS = {"consumer", "producer", "db", "clock"}
LONG_S = 2.5  # within which a process that goes on for ever is struck
CHOSEN = 0.75  # the share of faults at a chosen place; the others strike at random moments


@dataclass
class Judge:
    """Plays scenarios with one submission. `quota` is how often each kind of fault strikes, in each test."""

    stage: Stage
    program: Program
    grader: str
    quota: dict[str, int]
    seed: str = "lab"
    say: Callable[[str], None] = print
    total: Counter[str] = field(default_factory=Counter[str])
    rounds: int = 0
    trouble: LabError | None = None

    def __call__(self, scenario: Scenario, program: Program) -> Verdict:
        """The verdict of one test. A server that is gone is nobody's anomaly: `trouble` says so afterwards."""
        try:
            if self.trouble is None:
                return self._judge(scenario)
        except (KafkaException, psycopg.OperationalError, OSError, LabError) as error:
            self.trouble = error if isinstance(error, LabError) else went_away(str(error).strip())
        raise self.trouble

    def _judge(self, scenario: Scenario) -> Verdict:
        unknown = {name for process in scenario.processes for name in process.objects} - LIFE_HAS
        if unknown:
            raise LabError(
                f"This exercise has no place in the lab: {scenario.name} wants {', '.join(sorted(unknown))}, and "
                "the lab has Kafka and PostgreSQL. `course check` runs it."
            )
        faultless = self._play(scenario, {})
        if faultless.anomaly is not None:
            return self._verdict(scenario, 1, faultless.anomaly, faultless.activity)
        kinds = (*scenario.faults, *(["cut"] if "pause" in scenario.faults else []))
        wanted = {kind: self.quota.get(kind, 0) for kind in kinds}
        queues = _queues(scenario, faultless.activity)
        lasts_s = faultless.activity.lasted_s
        chance = random.Random(f"{self.seed}/{scenario.name}")
        played = 1
        while any(wanted.values()) and any(queues.values()) and played < MOST_ROUNDS:
            played += 1
            planned = {
                name: _draw(queue, wanted, chance, lasts_s.get(name, LONG_S)) for name, queue in queues.items()
            }
            result = self._play(scenario, planned)
            for kind, count in result.activity.counts.items():
                wanted[_kind(kind)] = max(0, wanted[_kind(kind)] - count)
            if result.anomaly is not None:
                return self._verdict(scenario, played, result.anomaly, result.activity)
        possible = {_kind(fault.kind) for queue in queues.values() for fault in queue}
        missed = sorted(kind for kind in possible if wanted[kind] and wanted[kind] == self.quota[kind])
        if missed:
            raise LabError(
                f"{scenario.name}: {' and '.join(missed)} never struck in {played} rounds, so nothing was shown. "
                "Another --seed draws other moments."
            )
        return Verdict(scenario.name, 0, played, played, exhausted=False)

    def _play(self, scenario: Scenario, faults: dict[str, list[Fault]]) -> Round:
        result = self._play_once(scenario, faults)
        if result.ended and result.anomaly is not None:
            self.say(f"  {result.anomaly.sentence} It is played once more.")
            result = self._play_once(scenario, faults)
        return result

    def _play_once(self, scenario: Scenario, faults: dict[str, list[Fault]]) -> Round:
        result = play(scenario, self.program.filename, self.grader, self.stage, faults)
        self.rounds += 1
        self.total.update(result.activity.counts)
        struck = "; ".join(result.activity.struck) or "no fault"
        self.say(f"  {scenario.name}, round {self.rounds}: {struck}")
        return result

    def _verdict(self, scenario: Scenario, played: int, anomaly: Anomaly, activity: Activity) -> Verdict:
        told = "; ".join(activity.struck) or "without any fault"
        sentence = f"{anomaly.sentence} On real servers: {told}."
        return Verdict(scenario.name, 0, played, played, False, Anomaly(anomaly.name, sentence))


def _kind(name: str) -> str:
    """Of `lose reply` it is `lose`."""
    return name.partition(" ")[0]


def _queues(scenario: Scenario, activity: Activity) -> dict[str, list[Fault]]:
    """For each process that may be struck, every fault at every place that it has visited."""
    queues: dict[str, list[Fault]] = {}
    for process in scenario.processes:
        allowed = scenario.faults if process.faults is None else scenario.faults & process.faults
        places = dict.fromkeys(activity.visited.get(process.name, ()))
        found = [fault for place in places for fault in _faults_at(place, allowed)]
        if found:
            queues[process.name] = found
    return queues


def _faults_at(place: tuple[str, str, int | None], allowed: frozenset[str]) -> list[Fault]:
    request, when, line = place
    found = [Fault(kind, request, when, line) for kind in ("crash", "pause") if kind in allowed]
    if "pause" in allowed and (request, when) == ("AIOConsumer.poll", "after"):
        found.append(Fault("cut", request, when, line))
    if "error" in allowed and (request, when) == ("db.execute", "before"):
        found.append(Fault("error", request, when, line))
    if "lose" in allowed and (request == "db.end" or request in APIS):
        kind = {"before": "lose request", "after": "lose reply"}[when]
        if request in APIS:
            kind = "lose reply" if request == "AIOProducer.produce" else kind
            found.append(Fault(kind, request, "before", line))
        else:
            found.append(Fault(kind, request, when, line))
    return found


def _draw(queue: list[Fault], wanted: dict[str, int], chance: random.Random, lasts_s: float) -> list[Fault]:
    """The next of the chosen faults, then random ones."""
    useful = [fault for fault in queue if wanted.get(_kind(fault.kind))]
    if not useful:
        return []
    drawn: list[Fault] = []
    for _ in range(FAULTS):
        if useful and chance.random() < CHOSEN:
            fault = useful.pop(0)
            queue.remove(fault)
            queue.append(fault)  # it comes again when all others have had their turn
            drawn.append(fault)
        else:
            kinds = sorted({fault.kind for fault in queue if wanted.get(fault.kind)} & {"crash", "pause"})
            drawn += [Fault(chance.choice(kinds), after_s=chance.uniform(0.3, max(0.4, lasts_s)))] if kinds else []
    return drawn
