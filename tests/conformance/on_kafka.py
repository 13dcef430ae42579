"""Runs a conformance program on a real broker, with the real clients."""

import asyncio
import contextlib
import inspect
import itertools
import uuid
from collections.abc import AsyncGenerator
from typing import Any

from confluent_kafka import KafkaException, ShareConsumer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)
from confluent_kafka.aio import AIOConsumer, AIOProducer
from tests.conformance.stage import OTHER_PRODUCERS, Entry, Program, Stage

from course.lab.proxy import END_TRANSACTION, OFFSET_COMMIT, PRODUCE, Proxy, Rule

LONGEST_S = 60
_APIS = {"Produce": PRODUCE, "CommitOffsets": OFFSET_COMMIT, "EndTransaction": END_TRANSACTION}
_ALWAYS = 1_000_000
_numbers = itertools.count()
_run = uuid.uuid4().hex[:6]

# Nothing waits longer than it has to; none of this changes what is observed.
QUICK = {"log_level": 0, "reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200}
CONSUMER = {
    "auto.offset.reset": "earliest",
    "enable.auto.commit": False,
    "session.timeout.ms": 2000,
    "heartbeat.interval.ms": 300,
    "fetch.wait.max.ms": 100,
}
PRODUCER = {"linger.ms": 0, "retry.backoff.ms": 50, "topic.metadata.propagation.max.ms": 500}


class Clock:
    """Real time."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Subscriber(AIOConsumer):
    """Joins its group at its first poll, as the model does; librdkafka joins when it subscribes."""

    def __init__(self, stage: Stage, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self._stage = stage
        self._joined = False

    async def poll(self, *args: Any, **named: Any) -> Any:
        await self._join()
        return await super().poll(*args, **named)

    async def consume(self, *args: Any, **named: Any) -> Any:
        await self._join()
        return await super().consume(*args, **named)

    async def subscribe(self, *args: Any, **named: Any) -> Any:
        self._joined = True
        return await super().subscribe(*args, **named)

    async def assign(self, *args: Any, **named: Any) -> Any:
        self._joined = True
        return await super().assign(*args, **named)

    async def _join(self) -> None:
        if not self._joined:
            await self.subscribe([self._stage.topic])


class Sharing:
    """The library's share consumer, which has no asyncio interface: what waits in it is awaited here."""

    def __init__(self, stage: Stage, settings: dict[str, Any]) -> None:
        self._consumer = ShareConsumer(settings)
        self._consumer.subscribe([stage.topic])
        self.acknowledge = self._consumer.acknowledge

    async def poll(self, timeout: float) -> list[Any]:
        return list(await asyncio.to_thread(self._consumer.poll, timeout))

    async def commit_sync(self) -> Any:
        return await asyncio.to_thread(self._consumer.commit_sync)

    async def close(self) -> None:
        await asyncio.to_thread(self._consumer.close)


def _of_groups(program: Program) -> dict[str, str]:
    """What the broker keeps for the group, of all that the program is configured with."""
    names = ("share.record.lock.duration.ms",)
    found = {name: str(program.consumer[name]) for name in names if name in program.consumer}
    return found and {"share.auto.offset.reset": "earliest"} | found


def _configure(admin: AdminClient, group: str, settings: dict[str, str]) -> None:
    entries = [ConfigEntry(*setting, incremental_operation=AlterConfigOpType.SET) for setting in settings.items()]
    resource = ConfigResource(ResourceType.GROUP, group, incremental_configs=entries)
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(timeout=30)


def observe(program: Program, address: str) -> list[Any]:
    """What the program sees, on a topic of its own."""
    return observe_all([program], address, demanding=True)[0]


def observe_all(programs: list[Program], address: str, demanding: bool = False) -> list[list[Any]]:
    """What each of them sees; all run at the same time, each on a topic and with a group of its own.

    Unless `demanding`, a program may end without the request that was to be lost: how many a client sends is up to
    its timers.
    """
    numbers = [f"{_run}-{next(_numbers)}" for _ in programs]
    stages = [Stage(f"conformance-{number}", f"group-{number}", TopicPartition) for number in numbers]
    admin = AdminClient({"bootstrap.servers": address})
    topics = [NewTopic(stage.topic, each.partitions, 1) for stage, each in zip(stages, programs, strict=True)]
    for future in admin.create_topics(topics).values():
        future.result(timeout=30)
    for stage, each in zip(stages, programs, strict=True):
        if _of_groups(each):
            _configure(admin, stage.group, _of_groups(each))
    asyncio.run(asyncio.wait_for(_observe_all(programs, stages, address, demanding), LONGEST_S))
    return [stage.seen for stage in stages]


async def _observe_all(programs: list[Program], stages: list[Stage], address: str, demanding: bool) -> None:
    async with asyncio.TaskGroup() as group:
        for program, stage in zip(programs, stages, strict=True):
            group.create_task(_observe(program, stage, address, demanding))


async def _observe(program: Program, stage: Stage, address: str, demanding: bool) -> None:
    fault = program.fault
    if fault is None:
        await _play(program, stage, address)
        return
    rule = Rule(_APIS[fault.request], fault.action, fault.nth, _ALWAYS if fault.lasts else 1)
    async with Proxy(address, rule) as proxy:
        stage.mend = rule.end
        stage.deliver_late = proxy.deliver_kept
        await _play(program, stage, proxy.address)
        met = rule.met >= fault.nth
        assert met or not demanding, f"the program never made the request to lose: {proxy.seen}"


async def _play(program: Program, stage: Stage, address: str) -> None:
    async with asyncio.TaskGroup() as group:
        for entry in program.processes(stage):
            group.create_task(_process(entry, program, stage, address))


async def _process(entry: Entry, program: Program, stage: Stage, address: str) -> None:
    async with contextlib.AsyncExitStack() as stack:
        objects: dict[str, Any] = {}
        for name in inspect.signature(entry).parameters:
            objects[name] = await stack.enter_async_context(_object(name, program, stage, address))
        await entry(**objects)


@contextlib.asynccontextmanager
async def _object(name: str, program: Program, stage: Stage, address: str) -> AsyncGenerator[Any]:
    common = {"bootstrap.servers": address, **QUICK}
    if name == "consumer":
        settings = common | CONSUMER | {"group.id": stage.group} | program.consumer
        if settings.get("group.protocol") == "consumer":
            for decided_by_the_broker in ("session.timeout.ms", "heartbeat.interval.ms"):
                del settings[decided_by_the_broker]
        consumer = Subscriber(stage, settings)
        yield consumer
        with contextlib.suppress(RuntimeError):  # the program has closed it
            await consumer.close()
    elif name == "share_consumer":
        own = {name: value for name, value in program.consumer.items() if name not in _of_groups(program)}
        sharing = Sharing(stage, common | {"group.id": stage.group} | own)
        yield sharing
        with contextlib.suppress(KafkaException):  # the program has closed it
            await sharing.close()
    elif name in {"producer", *OTHER_PRODUCERS}:
        settings = OTHER_PRODUCERS.get(name, program.producer)
        producer = AIOProducer(common | PRODUCER | settings, buffer_timeout=0.05)
        yield producer
        with contextlib.suppress(KafkaException):  # a fenced producer cannot flush any more
            await producer.close()
    else:
        assert name == "clock"
        yield Clock()
