"""Exploration: every schedule of a scenario up to a fault budget, fewest faults first.

Rules
- The faultless schedule first, then all with one fault, then all with two …: the first failure is minimal.
- A schedule's children have one more fault, at a choice after its last; so no schedule is met twice.
- A run is cut when a process starts in a world that equals, in all that the rest depends on, one in which a
  process started before under no more faults: the rest would be the same, and so would the verdict.
  `covered` counts the schedules that are thereby known, `run` those that were really started.
- Programs that look at the clock or draw random numbers make time part of the state; the exploration starts
  anew with that as soon as it is noticed.
- Traces are recorded only for the run that failed.
- A program is a function of what it hears. One that goes another way when it hears the same again keeps something
  where nothing lasts; that is a failure, never a reason to believe the later run.
- Over a pipe not every run asks the program again (`unreliable.answers`). When one is seen to be fickle, what was
  found out about it is found out anew; it is not believed before each of its lives had an interpreter of its own.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from unreliable.choices import Choices, Dice, Schedule, ScheduleError
from unreliable.database import Database
from unreliable.diagram import told
from unreliable.focus import focus
from unreliable.process import Driver, Life
from unreliable.program import Problem, Program
from unreliable.scenario import Anomaly, Process, Scenario
from unreliable.trace import Event, Trace
from unreliable.world import HOPELESS, Drive, World

FAULTLESS = Schedule()
SURVIVED = Anomaly(
    "memory survived the crash",
    "The program knew what only the memory of a process that was dead, or of another run, had held: with the same "
    "input it went another way.",
)


@dataclass(frozen=True)
class Verdict:
    """What is known about a program in a scenario.

    `run` schedules were started and `covered` are known by them; `exhausted` says that those are all with up to
    `budget` faults. A failed verdict has the anomaly, its smallest schedule and its trace, of which `told` are the
    events that make its story.
    """

    scenario: str
    budget: int
    run: int
    covered: int
    exhausted: bool
    anomaly: Anomaly | None = None
    schedule: Schedule | None = None
    trace: Trace | None = None
    problem: Problem | None = None
    told: tuple[Event, ...] = ()

    @property
    def passed(self) -> bool:
        return self.anomaly is None

    @property
    def token(self) -> str | None:
        """What replays the failing run: the scenario's name and the schedule's token."""
        return None if self.schedule is None else f"{self.scenario}:{self.schedule.token}"

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        if self.anomaly is not None:
            runs = f"{self.run:,} run{'s' * (self.run != 1)}"
            return f"{self.anomaly.sentence.rstrip('.')}. Found after {runs}, in schedule {self.token}."
        if not self.exhausted:
            return f"None of {self.run:,} random schedules breaks it."
        most = f"up to {self.budget} fault{'s' * (self.budget != 1)}"
        ran = f", of which {self.run:,} had to be run" if self.run < self.covered else ""
        return f"Right under all {self.covered:,} schedules with {most}{ran}."

    def _repr_html_(self) -> str:
        return told(self.sentence, self.anomaly.name if self.anomaly else "", self.trace)


@dataclass(frozen=True)
class Replay:
    """One run with its trace."""

    trace: Trace
    anomaly: Anomaly | None
    problem: Problem | None
    schedule: Schedule

    @property
    def told(self) -> tuple[str, str]:
        """How the run ends, as a sentence and the anomaly's name."""
        if self.anomaly is None:
            return "All is as it should be at the end of this run.", ""
        return self.anomaly.sentence, self.anomaly.name

    def _repr_html_(self) -> str:
        return told(*self.told, self.trace)


class Explorer:
    """Runs one scenario of one program under schedule after schedule. Close it when done.

    `drive` makes the driver of each life of a process; left out, programs run beside the world.
    """

    def __init__(self, scenario: Scenario, program: Program, drive: Drive | None = None) -> None:
        self._scenario = scenario
        self._program = program
        self._drive = drive or beside(program)
        self._database = Database(scenario.tables, scenario.slots)

    def __enter__(self) -> "Explorer":
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def replay(self, schedule: Schedule) -> Replay:
        """Runs this schedule and records it. Raises ScheduleError if it does not fit the program."""
        trace = Trace()
        choices = Choices(schedule)
        world = self._run(choices, trace)
        if not choices.settled:
            raise ScheduleError(f"the run has only {len(choices.met)} choices, fewer than {schedule.token} names")
        return Replay(trace, self._judge(world), _problem(world), schedule)

    def explore(
        self, budget: int, progress: Callable[[int], None] | None = None, drive: Drive | None = None
    ) -> Verdict:
        """Every schedule with up to `budget` faults. `progress` hears how many were run, now and then."""
        verdict = None
        while verdict is None:
            verdict = self._explore(budget, progress, drive)
        return verdict

    def sample(self, seed: str, runs: int, fault_probability: float = 0.05, drive: Drive | None = None) -> Verdict:
        """`runs` random schedules of any number of faults, always the same for the same seed."""
        for number in range(runs):

            def drawn(number: int = number) -> tuple[Dice, Anomaly | None]:
                dice = Dice(random.Random(f"{seed}/{number}").random, fault_probability)
                return dice, self._judge(self._run(dice, drive=drive))

            dice, anomaly = self._surely(drawn)
            if anomaly is not None:
                return self._failed(anomaly, dice.taken, len(dice.taken), number + 1, number + 1, drive)
        return Verdict(self._scenario.name, 0, runs, runs, exhausted=False)

    def die_for_real(self, fresh: Drive, budget: int = 1) -> Verdict | None:
        """Every schedule with one fault after which a process starts again, with a driver whose deaths are real.

        A different end means that something outlived the death beside what lasts; None means that nothing did. A
        program that has been seen to be fickle has to pass every schedule, each life of it in a driver of its own.
        """
        faultless = Choices()
        self._run(faultless)
        single = [
            Schedule().then(choice, option)
            for choice, options in enumerate(faultless.met)
            for option in range(1, len(options))
        ]
        for number, schedule in enumerate(single):
            anomaly = self._surely(lambda schedule=schedule: self._dies_otherwise(schedule, fresh))
            if anomaly is not None:
                return self._failed(anomaly, schedule, 1, number + 1, number + 1)
        verdict = self.explore(budget, drive=fresh) if self._program.fickle else None
        return None if verdict is None or verdict.passed else verdict

    def _dies_otherwise(self, schedule: Schedule, fresh: Drive) -> Anomaly | None:
        """What is wrong if the run depends on how its processes die; one without a death is not run twice.

        Nor is one in which those that died for real said nothing but what is known of the others.
        """

        def after_death(process: Process, life: int) -> Driver:
            return self._drive(process, life) if life == 1 else fresh(process, life)

        program, said_alone = self._program, self._program.said_alone
        try:
            world = self._run(Choices(schedule), drive=after_death)
            problem = _problem(world)
            if problem is not None and problem.kind in HOPELESS:
                return world.stuck  # however it dies, and even if it does so both times
            died = any(process.life > 1 for process in world.processes.values())
            if not died or (not program.fickle and program.said_alone == said_alone):
                return self._judge(world)
            end = self._end(world)
            return end[0] if end == self._end(self._run(Choices(schedule))) else SURVIVED
        except ScheduleError:
            return SURVIVED

    def _surely[T](self, find: Callable[[], T]) -> T:
        """What is found when the program has not turned out to be fickle meanwhile."""
        while True:
            fickle = self._program.fickle
            found = find()
            if self._program.fickle == fickle:
                return found

    def _end(self, world: World) -> tuple[Anomaly | None, object, object, object]:
        """What is wrong at the end of a run, and all that lasts."""
        return self._judge(world), world.database.state(), world.broker.state(), world.supplies.state()

    def _explore(self, budget: int, progress: Callable[[int], None] | None, drive: Drive | None) -> Verdict | None:
        """None if the program turned out to look at the clock, to draw random numbers, or to be fickle."""
        taken_for = self._traits()
        tree = _Tree(with_clock=self._program.shims.observed)
        level = [_Node(Schedule())]
        for faults in range(budget + 1):
            for node in level:
                tree.run += 1
                if progress is not None and tree.run % 64 == 0:
                    progress(tree.run)
                tree.enter(node)
                anomaly = self._visit(node, tree, drive)
                if self._traits() != taken_for:
                    return None
                if anomaly is not None:
                    covered = tree.covered(faults - 1) if faults else 0
                    return self._failed(anomaly, node.schedule, budget, tree.run, covered + 1, drive)
            if faults < budget:
                level = [child for node in level for child in node.grow()]
        return Verdict(self._scenario.name, budget, tree.run, tree.covered(budget), exhausted=True)

    def _visit(self, node: "_Node", tree: "_Tree", drive: Drive | None) -> Anomaly | None:
        """Runs the schedule of a node, and finds out where its children can leave it."""
        choices = Choices(node.schedule)
        try:
            world = self._run(choices, known=tree.known, drive=drive)
        except ScheduleError:
            return SURVIVED
        node.met = choices.met
        anomaly = None if world.merged else self._judge(world)
        return anomaly if choices.settled else anomaly or SURVIVED

    def _traits(self) -> tuple[bool, bool]:
        """What decides how the program is to be explored."""
        return self._program.shims.observed, self._program.fickle

    def _failed(  # noqa: PLR0913, PLR0917
        self,
        anomaly: Anomaly,
        schedule: Schedule,
        budget: int,
        run: int,
        covered: int,
        drive: Drive | None = None,
    ) -> Verdict:
        """The verdict of a run that failed, with its story, for which it is run again: being in order then undoes
        nothing."""
        trace, faultless, problem = Trace(), Trace(), None
        try:
            if len(schedule):
                self._run(Choices(), faultless, drive=drive)
            world = self._run(Choices(schedule), trace, drive=drive)
            anomaly, problem = self._judge(world) or anomaly, _problem(world)
        except ScheduleError:
            anomaly = SURVIVED
        return Verdict(
            self._scenario.name,
            budget,
            run,
            covered,
            exhausted=False,
            anomaly=anomaly,
            schedule=schedule,
            trace=trace,
            problem=problem,
            told=focus(trace.events, faultless.events),
        )

    def _run(
        self,
        choices: Choices,
        trace: Trace | None = None,
        known: Callable[[World], bool] | None = None,
        drive: Drive | None = None,
    ) -> World:
        world = World(self._scenario, drive or self._drive, choices, self._database, trace, known)
        world.run()
        return world

    def _judge(self, world: World) -> Anomaly | None:
        try:
            return world.stuck or self._scenario.check(world)
        except Exception as error:  # a program may drop the table that is read, or write text for a number
            what = f"{type(error).__name__}: {error}"
            return Anomaly("unreadable state", f"What the run left behind cannot be checked. {what}.")


@dataclass(eq=False)
class _Node:
    """A schedule in the tree of all; `merged` says from where on its rest is another node's."""

    schedule: Schedule
    met: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    merged: "tuple[_Node, int] | None" = None
    children: "list[_Node]" = field(default_factory=list["_Node"])

    def grow(self) -> "list[_Node]":
        """The schedules with one more fault. A merged node's are those of the node that it merged into."""
        first = self.schedule.faults[-1][0] + 1 if len(self.schedule) else 0
        self.children = [
            _Node(self.schedule.then(choice, option))
            for choice in range(first, len(self.met))
            for option in range(1, len(self.met[choice]))
        ]
        return self.children


class _Tree:
    """The states in which processes started, and who was there first."""

    def __init__(self, with_clock: bool) -> None:
        self.run = 0
        self._with_clock = with_clock
        self._seen: dict[object, tuple[_Node, int]] = {}

    def enter(self, node: _Node) -> None:
        self._node = node
        if not len(node.schedule):
            self._root = node

    def known(self, world: World) -> bool:
        """Whether this world was seen at the start of a process before; otherwise it is from now on."""
        choice = len(world.choices.met)
        first = self._seen.setdefault(world.state(self._with_clock), (self._node, choice))
        if first == (self._node, choice):
            return False
        if first[0] is self._node:
            return False  # a state that comes again in one run: no progress, which is for the world to find out
        self._node.merged = first
        return True

    def covered(self, budget: int) -> int:
        """How many schedules with up to `budget` faults are known by those that were run."""

        @cache
        def known_from(node: _Node, choice: int, faults: int) -> int:
            if not faults:
                return 1
            later = (child for child in node.children if child.schedule.faults[-1][0] >= choice)
            total = 1 + sum(known_from(child, 0, faults - 1) for child in later)
            return total if node.merged is None else total - 1 + known_from(*node.merged, faults)

        return known_from(self._root, 0, budget)


def _problem(world: World) -> Problem | None:
    """What stopped the run for good; an exception that a restart got over is none."""
    return world.culprit.problem if world.culprit else None


def beside(program: Program) -> Drive:
    """Drives processes in this interpreter."""

    def drive(process: Process, life: int) -> Life:
        return Life(program, process.run, f"{process.name}/{life}")

    return drive


def explore(
    scenario: Scenario, program: Program, budget: int = 2, progress: Callable[[int], None] | None = None
) -> Verdict:
    """Every schedule of `scenario` with up to `budget` faults; the first that fails is the smallest."""
    with Explorer(scenario, program) as explorer:
        return explorer.explore(budget, progress)


def sample(scenario: Scenario, program: Program, seed: str, runs: int) -> Verdict:
    """`runs` random schedules; what they find is not the smallest, but may lie deeper."""
    with Explorer(scenario, program) as explorer:
        return explorer.sample(seed, runs)


def replay(scenario: Scenario, program: Program, schedule: Schedule = FAULTLESS) -> Replay:
    """One run with its trace; without a schedule, the faultless one."""
    with Explorer(scenario, program) as explorer:
        return explorer.replay(schedule)
