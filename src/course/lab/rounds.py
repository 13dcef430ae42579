"""Rounds: a scenario played once on the real servers, with the faults that were planned for it.

Rules
- A round is at rest when nobody does anything but wait in vain, or sleep, and the check is content; or when nobody
  has done anything else for `PATIENCE_S`; or when who asks again and again has changed nothing that the check sees
  for `ASKING_S`. A round that is not at rest after `LONGEST_S` is ended, and says so.
- Sessions are `SESSION_S` long, so that a round is short; the scenario's times are scaled from the model's.
"""

import asyncio
import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from course.lab.actors import Activity, Actor, Fault, Treatment
from course.lab.stage import SCHEMA, Stage, View
from unreliable import Anomaly, Process, Scenario, World
from unreliable.kafka.consumer_config import SESSION_TIMEOUT_MS
from unreliable.requests import Plain

SESSION_S = 1.5
SCALE = SESSION_S / (SESSION_TIMEOUT_MS / 1000)
PATIENCE_S = 6.0
ASKING_S = 20.0
LONGEST_S = 90.0
HOPELESS = 4  # so many failures in a row, with nothing done between
_numbers = itertools.count()


@dataclass(frozen=True)
class Round:
    """What became of it; `ended` if it was not at rest by itself."""

    anomaly: Anomaly | None
    activity: Activity
    ended: bool = False


class _NotAtRestError(Exception):
    """Time is over."""


def play(scenario: Scenario, file: str, grader: str, stage: Stage, faults: dict[str, list[Fault]]) -> Round:
    """Plays one round; `faults` names each process's, in their order."""
    number = f"{os.getpid()}-{next(_numbers)}"
    groups = {process.group: f"{process.group}-{number}" for process in scenario.processes}
    view = stage.begin(scenario, groups)
    activity = Activity()
    actors = [
        Actor(
            process.name,
            _settings(process, scenario, stage, groups, (file, grader)),
            Treatment(stage.servers.kafka, faults.get(process.name, []), scenario.pause_ms / 1000 * SCALE),
            activity,
        )
        for process in scenario.processes
    ]
    try:
        starts = [(process.start_ms or 0) / 1000 * SCALE for process in scenario.processes]
        return Round(asyncio.run(_watch(scenario, actors, starts, view, stage)), activity)
    except _NotAtRestError:
        places = "; ".join(f"{actor.name} {actor.last_told}" for actor in actors)
        sentence = f"The round did not come to rest within {LONGEST_S:.0f} s: {places}."
        return Round(Anomaly("stuck", sentence), activity, ended=True)
    finally:
        view.close()


def _settings(
    process: Process, scenario: Scenario, stage: Stage, groups: dict[str, str], files: tuple[str, str]
) -> dict[str, Any]:
    quick = {"log_level": 0, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 500}
    application = f"{SCHEMA}-{process.name}"
    own = isinstance(process.run, str)
    return {
        "file": files[0] if own else files[1],
        "entry": process.run if isinstance(process.run, str) else process.run.__name__,
        "topics": list(process.subscribes or dict(scenario.topics)),
        "postgres": f"{stage.postgres} application_name='{application}'",
        "application": application,
        "consumer": {
            **quick,
            "group.id": groups[process.group],
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": round(SESSION_S * 1000),
            "heartbeat.interval.ms": 300,
            "fetch.wait.max.ms": 100,
            **_scaled(process.consumer),
        },
        "producer": {**quick, "linger.ms": 0, **_producer(process, groups[process.group])},
    }


def _scaled(config: Mapping[str, Plain]) -> dict[str, Any]:
    """What the scenario configures a client with, on the lab's scale of time."""
    own = {name: value for name, value in config.items() if name != "group.id"}
    return {
        name: round(value * SCALE) if isinstance(value, int) and name.endswith(".ms") else value
        for name, value in own.items()
    }


def _producer(process: Process, group: str) -> dict[str, Any]:
    """The producer's configuration; a transactional.id is one of this round."""
    config = {"enable.idempotence": process.producer_config.idempotence, **_scaled(process.producer)}
    if process.producer_config.transactional_id is not None:
        config["transactional.id"] = f"{group}-{process.producer_config.transactional_id}"
    return config


async def _watch(
    scenario: Scenario, actors: list[Actor], starts: list[float], view: View, stage: Stage
) -> Anomaly | None:
    """The verdict, when the round has come to rest; raises _NotAtRestError if it does not."""
    activity = actors[0].activity
    activity.changed()
    tasks = [asyncio.create_task(actor.act(start)) for actor, start in zip(actors, starts, strict=True)]
    now = asyncio.get_running_loop().time
    end = now() + LONGEST_S
    look_at = now() + PATIENCE_S
    seen, seen_at = None, now()
    world = cast("World", view)  # it has what checks ask for
    try:
        while now() < end:
            await asyncio.sleep(0.1)
            for task in tasks:
                if task.done():
                    task.result()
            if now() > look_at:
                await asyncio.to_thread(stage.servers.check)  # a server that is gone is nobody's anomaly
                look_at = now() + PATIENCE_S
            hopeless = next((actor for actor in actors if actor.failures >= HOPELESS), None)
            if hopeless is not None:
                return Anomaly("stuck", f"{hopeless.name} cannot go on. {activity.problems[-1]}")
            if not all(actor.returned or actor.vain for actor in actors):
                continue
            view.choices.faults = len(activity.struck)
            anomaly = await asyncio.to_thread(scenario.check, world)
            if anomaly != seen:
                seen, seen_at = anomaly, now()
            if anomaly is None or now() - activity.changed_at > PATIENCE_S or now() - seen_at > ASKING_S:
                return anomaly
        raise _NotAtRestError
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
