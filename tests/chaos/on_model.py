"""Plays a plan on the model: with the fault that Kafka would be shown, or under a random schedule of many."""

import random

from tests.chaos.checker import Event
from tests.chaos.plans import Plan, program
from tests.conformance import on_model
from tests.conformance.stage import Stage

from unreliable.choices import Dice
from unreliable.clients.confluent_kafka import TopicPartition
from unreliable.kafka.transactions import MOVE_MS

SETTLED_AFTER_S = MOVE_MS / 1000 + 1
PATIENCE_S = 600
FAULTS = frozenset({"lose", "retry", "move", "pause"})


def play(plan: Plan) -> list[Event]:
    """The history with the plan's own fault."""
    return on_model.observe(program(plan))


def play_at_random(plan: Plan, seed: str, fault_probability: float = 0.03) -> list[Event]:
    """The history under a schedule that is drawn from the seed."""
    stage = Stage("topic", "group", TopicPartition)
    dice = Dice(random.Random(seed).random, fault_probability)
    with on_model.world_of(
        program(plan, SETTLED_AFTER_S, PATIENCE_S), stage, dice, on_model.ToTheEnd, FAULTS
    ) as world:
        world.run()
    assert world.stuck is None, world.stuck
    return stage.seen
