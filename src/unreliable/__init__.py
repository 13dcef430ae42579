"""A world in which machines crash, messages are lost and acknowledgements do not arrive.

`explore(scenario, program)` runs a program under every schedule of faults up to a budget; `replay` runs one, and
`play` lets a reader choose its faults by hand.
"""

from unreliable.choices import Schedule, ScheduleError
from unreliable.diagram.timeline import Timeline
from unreliable.explore import Explorer, Replay, Verdict, explore, replay, sample
from unreliable.play import play
from unreliable.program import Problem, Program
from unreliable.scenario import ANOMALIES, FAULTS, Anomaly, Process, Scenario
from unreliable.trace import Event, Trace
from unreliable.world import World

__all__ = [
    "ANOMALIES",
    "FAULTS",
    "Anomaly",
    "Event",
    "Explorer",
    "Problem",
    "Process",
    "Program",
    "Replay",
    "Scenario",
    "Schedule",
    "ScheduleError",
    "Timeline",
    "Trace",
    "Verdict",
    "World",
    "explore",
    "play",
    "replay",
    "sample",
]
