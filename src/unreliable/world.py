"""The world of one run: its clock, its processes, and the services that answer their requests.

Rules
- Time is virtual and in milliseconds. The queue's key is (time, serial), so ties break by serial number.
- A request reaches its service where it is made; the reply is heard `LATENCY_MS` later.
- At each request of a process the world asks `Choices` whether all goes well. The faults every process knows:
  *crash* (it dies before the request takes effect, and restarts `RESTART_MS` later) and *pause* (it stands
  still for the scenario's `pause_ms`, then goes on as if nothing had been). The others are the services'.
- A process that stands by starts when a fault *rebalance* befalls another of its group: before one of its polls.
  A process that has only waited in vain since anything changed is not asked about waiting again: its next fault
  would find the world as the last one did.
- A process that ends by an exception is restarted like one that crashed; one that returns stays ended.
- The run is at rest when nothing is under way and every process has only heard, `PATIENCE` times in a row,
  that there is nothing (a poll without a message, a sleep that changed nothing).
- A run that makes `most_steps` requests without coming to rest, or a process that dies `PATIENCE` times in a
  row with nothing changed between, is *stuck*.
"""

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from unreliable.choices import Choices
from unreliable.database import Database
from unreliable.kafka.broker import Broker
from unreliable.kafka.consumer import Consumer
from unreliable.kafka.share_consumers import ShareConsumers
from unreliable.network import Network
from unreliable.process import Driver, Ended
from unreliable.program import Problem
from unreliable.requests import LOCAL, Poll, Receive, Request, SharePoll, Sleep
from unreliable.scenario import Anomaly, Scenario
from unreliable.scenario import Process as Spec
from unreliable.supplied import Supplies
from unreliable.trace import Event, Trace

LATENCY_MS = 1
RESTART_MS = 10_000
PATIENCE = 3
MANY_LIVES = 10  # more than faults can explain: it dies by itself
HOPELESS = ("endless", "exit", "memory", "refused")  # problems that no restart gets over

type Appointment = tuple[int, int, Callable[..., None], Any, tuple[Any, ...]]
type Drive = Callable[[Spec, int], Driver]  # a process and the number of its start


class Service(Protocol):
    """What answers requests: the broker, the database, the network, the clock."""

    requests: ClassVar[Any]

    def options(self, request: type[Request], process: "Process") -> tuple[str, ...]:
        """The faults that this service can add to such a request of this process."""
        ...

    def perform(self, process: "Process", request: Request, outcome: str) -> None:
        """Lets the request take effect and sees to its reply."""
        ...

    def crashed(self, process: "Process") -> None:
        """The process is gone: what it held in this service ends."""
        ...


@dataclass(slots=True)
class Process:
    """A process while it runs. `life` counts its starts; `heard` are the replies of this life."""

    spec: Spec
    name: str
    options: dict[type[Request], tuple[str, ...]] = field(default_factory=dict[type[Request], tuple[str, ...]])
    driver: Driver | None = None
    life: int = 0
    heard: list[Any] | None = None
    request: Request | None = None
    at_moment: int = -1
    fruitless: int = 0
    deaths: int = 0
    died_at: int = -1
    problem: Problem | None = None

    @property
    def here(self) -> tuple[str, int]:
        """This life of this process."""
        return self.name, self.life

    @property
    def ticket(self) -> int:
        """A number for what this life asks for now; the same in every run with the same past."""
        assert self.heard is not None
        return len(self.heard) + 1


class World:
    """One run. `run()` runs it to its end; then tables, logs and offsets can be asked."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        scenario: Scenario,
        drive: Drive,
        choices: Choices,
        database: Database,
        trace: Trace | None = None,
        known: Callable[["World"], bool] | None = None,
    ) -> None:
        self.scenario = scenario
        self.choices = choices
        self.trace = trace
        self.now_ms = 0
        self.steps = 0
        self._changes = 0
        self._lasting_changes = 0
        self.merged = False
        self.stuck: Anomaly | None = None
        self.culprit: Process | None = None  # who is stuck
        self.database = database
        self.broker = Broker(self, dict(scenario.topics))
        self.network = Network(self)
        self.supplies = Supplies(self)
        self.processes = {spec.name: Process(spec, spec.name) for spec in scenario.processes}
        self._drive = drive
        self._known = known
        self._queue: list[Appointment] = []
        self._serial = 0
        self._standing_by = [spec for spec in scenario.processes if spec.start_ms is None]
        self._pending = 0  # events that are not somebody's waiting in vain
        self._services = {kind: service for service in self._all_services() for kind in service.requests}
        database.enter(self)
        if trace is not None:
            trace.enter(self)

    def _all_services(self) -> tuple[Service, ...]:
        return (self.database, self.broker, self.network, self.supplies, Sleeping(self))

    # The course of time

    def run(self) -> None:
        """Runs until the world is at rest, stuck, or in a state that is known already."""
        for process in self.processes.values():
            if process.spec.start_ms is not None:
                self.after(process.spec.start_ms, World._start, self, process.name, 0)
        queue = self._queue
        while queue and not self.merged and self.stuck is None:
            self.now_ms, _, happen, owner, arguments = heapq.heappop(queue)
            if happen not in WAITING:
                self._pending -= 1
            happen(owner, *arguments)
            if not self._pending and self._at_rest():
                break
        for process in self.processes.values():
            self._kill(process)
            self.database.crashed(process)

    def after(self, delay_ms: int, happen: Callable[..., None], owner: Any, *arguments: Any) -> Appointment:
        """Lets `happen(owner, *arguments)` happen. Arguments start with a process's name and life."""
        self._serial += 1
        if happen not in WAITING:
            self._pending += 1
        appointment = (self.now_ms + delay_ms, self._serial, happen, owner, arguments)
        heapq.heappush(self._queue, appointment)
        return appointment

    def cancel(self, appointment: Appointment) -> None:
        """Lets it not happen, if it has not happened yet."""
        if appointment in self._queue:
            self._queue.remove(appointment)
            heapq.heapify(self._queue)
            self._pending -= appointment[2] not in WAITING

    def answer(self, process: Process, reply: Any, delay_ms: int = LATENCY_MS) -> None:
        """The process hears `reply` after the delay, if it still lives."""
        self.after(delay_ms, World.hear, self, process.name, process.life, reply)

    def changed(self, lasting: bool = True) -> None:
        """Something is not what it was: what lasts, or who is in a group."""
        self._changes += 1
        self._lasting_changes += lasting

    @property
    def moment(self) -> int:
        """Grows whenever something that lasts changes or a fault happens."""
        return self._changes + self.choices.faults

    def hold(self, number: int) -> None:
        """So many more things will happen by themselves: the run is not at rest before."""
        self._pending += number

    def _at_rest(self) -> bool:
        return all(p.driver is None or p.request is None or self._idle(p) for p in self.processes.values())

    def _idle(self, process: Process) -> bool:
        in_vain = process.at_moment == self.moment and process.fruitless >= PATIENCE
        return in_vain or getattr(process.request, "timeout_ms", 0) is None

    # The life of a process

    def _start(self, name: str, _: int) -> None:
        process = self.processes[name]
        process.life += 1
        process.heard = []
        process.request = None
        process.fruitless = 0
        process.driver = self._drive(process.spec, process.life)
        if self.trace is not None:
            self.trace.started(process)
        if self._known is not None and self.choices.settled and self._known(self):
            self.merged = True
            return
        self._resume(process, None)

    def hear(self, name: str, life: int, reply: Any) -> None:
        process = self.processes[name]
        if process.life != life or process.driver is None:
            return
        assert process.heard is not None
        process.heard.append(reply)
        self._resume(process, reply)

    def waited(self, process: Process) -> None:
        """The process has waited for something that did not come."""
        if process.at_moment != self.moment:
            process.at_moment = self.moment
            process.fruitless = 0
        process.fruitless += 1

    def _resume(self, process: Process, reply: Any) -> None:
        assert process.driver is not None
        self.steps += 1
        request = process.driver.resume(self.now_ms, reply)
        if isinstance(request, Ended):
            self._ended(process, request)
            return
        process.request = request
        if self.steps > self.scenario.most_steps:
            self._run_on(process)
            return
        if self.scenario.most_values is not None and isinstance(process.spec.run, str):
            self._weigh(process, process.driver, self.scenario.most_values)
        kind = type(request)
        if kind in IN_VAIN and process.fruitless and process.at_moment == self.moment:
            self._services[kind].perform(process, request, "ok")
            return
        options = process.options.get(kind) or self._options_of(process, kind)
        if kind is Poll and self._standing_by and "rebalance" in self.scenario.faults:
            options = self._with_rebalance(process, options)
        outcome = self.choices.choose(options)
        if self.trace is not None:
            self.trace.chose(process, options, outcome)
        match outcome:
            case "crash":
                self._crash(process)
            case "pause":
                if self.trace is not None:
                    self.trace.paused(process, self.scenario.pause_ms)
                self.broker.pauses(process, self.scenario.pause_ms)
                self.after(self.scenario.pause_ms, World.wake, self, process.name, process.life, request)
            case "rebalance":
                self._start_another_of(process)
                self._services[kind].perform(process, request, "ok")
            case _:
                self._services[kind].perform(process, request, outcome)

    def _run_on(self, process: Process) -> None:
        """The process goes on for ever."""
        assert process.driver is not None
        so_far = f"After {self.scenario.most_steps:,} awaits {process.name} still"
        died = process.problem
        if died is not None and process.life > MANY_LIVES:
            message = f"{so_far} dies and restarts. {died.message}"
            process.problem = Problem("endless", died.line, message, died.advice)
        else:
            advice = "Does nothing tell it that its work is done? Or does it ask without waiting?"
            message = f"{so_far} makes request after request."
            process.problem = Problem("endless", process.driver.line(), message, advice)
        self.culprit = process
        self.stuck = Anomaly("stuck", f"{process.problem}")

    def _weigh(self, process: Process, driver: Driver, most: int) -> None:
        """The process may keep `most` values in memory."""
        if driver.values(most) > most:
            self.culprit = process
            sentence = f"{process.name} keeps more than {most} values in memory."
            self.stuck = self.stuck or Anomaly("unbounded memory", sentence)

    def _options_of(self, process: Process, kind: type[Request]) -> tuple[str, ...]:
        """What may become of such a request of this process: the same whenever it makes one."""
        allowed, mine = self.scenario.faults, process.spec.faults
        if mine is not None:
            asks = kind.__name__.lower()
            allowed = {fault for fault in allowed if fault in mine or f"{fault} {asks}" in mine}
        faults = () if kind in LOCAL else ("crash", "pause", *self._services[kind].options(kind, process))
        options = ("ok", *(fault for fault in faults if fault.partition(" ")[0] in allowed))
        process.options[kind] = options
        return options

    def _with_rebalance(self, process: Process, options: tuple[str, ...]) -> tuple[str, ...]:
        """The options of a poll, while somebody stands by whom it would share its group with."""
        allowed = process.spec.faults is None or "rebalance" in process.spec.faults
        others = any(spec.group == process.spec.group for spec in self._standing_by)
        return (*options, "rebalance") if allowed and others else options

    def _start_another_of(self, process: Process) -> None:
        """The next that stands by for this process's group joins it."""
        spec = next(spec for spec in self._standing_by if spec.group == process.spec.group)
        self._standing_by.remove(spec)
        self.after(0, World._start, self, spec.name, 0)

    def wake(self, name: str, life: int, request: Request) -> None:
        process = self.processes[name]
        if process.life == life and process.driver is not None:
            self.broker.wakes(process)
            self._services[type(request)].perform(process, request, "ok")

    def _ended(self, process: Process, ended: Ended) -> None:
        if self.trace is not None:
            self.trace.ended(process, ended.problem)
        if ended.problem is None:
            self._leave(process)
            return
        process.problem = ended.problem
        lasting = self._lasting_changes + self.choices.faults
        process.deaths = process.deaths + 1 if process.died_at == lasting else 1
        process.died_at = lasting
        if process.deaths >= PATIENCE or ended.problem.kind in HOPELESS:
            self.culprit = process
            sentence = f"{process.name} cannot go on. {ended.problem}"
            self.stuck = Anomaly("stuck", sentence)
            return
        self._restart(process)

    def _crash(self, process: Process) -> None:
        if self.trace is not None:
            self.trace.crashed(process)
        self._restart(process)

    def _restart(self, process: Process) -> None:
        self._leave(process)
        self.after(RESTART_MS, World._start, self, process.name, process.life)

    def _leave(self, process: Process) -> None:
        self._kill(process)
        for service in self._all_services():
            service.crashed(process)

    def _kill(self, process: Process) -> None:
        driver, process.driver = process.driver, None
        if driver is not None:
            driver.kill()

    def show(self, events: Iterable[Event]) -> None:
        """Adds to the story, after all that has happened, what a check has to show for what it finds."""
        if self.trace is not None:
            self.trace.show(events)

    # What lasts

    def state(self, with_clock: bool) -> object:
        """All that the rest of the run depends on, comparable with other runs of the same scenario."""
        clock = (self.now_ms, tuple(p.life for p in self.processes.values())) if with_clock else None
        processes = tuple(None if p.driver is None else tuple(p.heard or ()) for p in self.processes.values())
        return (
            clock,
            self.database.state(),
            self.broker.state(),
            self.network.state(),
            self.supplies.state(),
            processes,
            len(self._standing_by),
            self._pending_state(),
        )

    def _pending_state(self) -> tuple[Any, ...]:
        events: list[Any] = []
        for time, _, happen, _, (name, life, *rest) in sorted(self._queue):
            lives = self.alive(name, life)
            if happen is not ShareConsumers.lock_over and (lives or happen not in OF_A_LIFE):
                events.append((time - self.now_ms, happen.__name__, name, lives, tuple(rest)))
        return tuple(events)

    def alive(self, name: str, life: int) -> bool:
        """Whether this life of the process is still going on."""
        process = self.processes[name]
        return process.life == life and process.driver is not None


class Sleeping:
    """The clock as a service: answers when the time has passed."""

    requests: ClassVar = (Sleep,)

    def __init__(self, world: World) -> None:
        self._world = world

    def options(self, request: type[Request], process: "Process") -> tuple[str, ...]:
        return ()

    def perform(self, process: Process, request: Request, outcome: str) -> None:
        assert isinstance(request, Sleep)
        if self._world.trace is not None:
            self._world.trace.slept(process, request)
        self._world.after(request.duration_ms, Sleeping.over, self, *process.here, request.duration_ms)

    def over(self, name: str, life: int, duration_ms: int) -> None:
        """The process has slept; unless for no time at all, it has waited in vain."""
        if self._world.alive(name, life):
            process = self._world.processes[name]
            if duration_ms:
                self._world.waited(process)
            self._world.answer(process, None, 0)

    def crashed(self, process: Process) -> None:
        return None


IN_VAIN = frozenset({Poll, SharePoll, Receive, Sleep})  # the requests of which nothing may come
WAITING: frozenset[Callable[..., None]] = frozenset(
    {
        *(Sleeping.over, Network.waited_in_vain, Consumer.waited_in_vain, Consumer.overdue),
        *(ShareConsumers.waited_in_vain, ShareConsumers.lock_over),  # that a lock lasts the share consumers tell
    }
)
OF_A_LIFE: frozenset[Callable[..., None]] = WAITING | {World.hear, World.wake, Broker.sent_again}
