"""Runs a conformance program on the model."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from tests.conformance.stage import OTHER_PRODUCERS, Fault, Program, Stage

from unreliable import Process, Scenario
from unreliable import Program as Submission
from unreliable.choices import Choices
from unreliable.clients.confluent_kafka import AIOProducer, TopicPartition
from unreliable.database import Database
from unreliable.explore import beside
from unreliable.process import OBJECTS
from unreliable.program import parameters_of
from unreliable.requests import Request
from unreliable.world import Process as Running
from unreliable.world import World


class Told(Choices):
    """Takes the fault wherever it is offered one."""

    __slots__ = ()

    def choose(self, options: tuple[str, ...]) -> str:
        super().choose(options)
        return options[-1]


class ToTheEnd(World):
    """A world that is not at rest until all have returned: what they wait for may be a mark on the stage."""

    def _at_rest(self) -> bool:
        return all(process.driver is None for process in self.processes.values())


class Faulty(ToTheEnd):
    """A world that offers the program's fault, once, at its request."""

    plan: Program
    met = 0

    def _options_of(self, process: Running, kind: type[Request]) -> tuple[str, ...]:
        fault = self.plan.fault
        if fault is not None and kind.__name__ == fault.request:
            self.met += 1
            if self.met == fault.nth:
                return ("ok", _as_modelled(fault, self.broker.options(kind, process)))
        return ("ok",)


def _as_modelled(fault: Fault, options: tuple[str, ...]) -> str:
    """What the model calls the loss of one request, or of one reply: after *retry* the client asks again."""
    again = fault.action.replace("lose", "retry")
    return again if again in options and not fault.lasts else fault.action


def _session(program: Program) -> dict[str, Any]:
    """As long as on Kafka, where the consumer says it."""
    return {} if program.consumer.get("group.protocol") == "consumer" else {"session.timeout.ms": 2000}


def observe(program: Program) -> list[Any]:
    """What the program sees. Raises whatever the model raises where it has no such thing."""
    stage = Stage("topic", "group", TopicPartition)
    with world_of(program, stage, Told(), Faulty) as world:
        world.plan = program
        world.run()
    assert world.stuck is None, world.stuck
    return stage.seen


@contextmanager
def world_of[W: World](
    program: Program, stage: Stage, choices: Choices, kind: type[W], faults: frozenset[str] = frozenset()
) -> Generator[W]:
    """A world with the program's processes, which waits to be run."""
    processes = tuple(
        Process(
            entry.__name__,
            entry,
            group=stage.group,
            subscribes=(stage.topic,),
            producer=_producer(entry, program),
            consumer=_session(program) | program.consumer,
        )
        for entry in program.processes(stage)
    )
    scenario = Scenario(
        program.name,
        processes,
        check=lambda _: None,
        topics=((stage.topic, program.partitions),),
        faults=faults,
        most_steps=20_000,
    )
    database = Database("")
    try:
        with patch.dict(OBJECTS, dict.fromkeys(OTHER_PRODUCERS, AIOProducer)):
            yield kind(scenario, beside(Submission("")), choices, database)
    finally:
        database.close()


def _producer(entry: Any, program: Program) -> dict[str, Any]:
    """What the producer of this process is configured with."""
    others = [OTHER_PRODUCERS[name] for name in parameters_of(entry) if name in OTHER_PRODUCERS]
    return others[0] if others else program.producer
