"""Generated programs: writers with and without transactions, members of a group, and a reader of what remains.

Rules
- A plan is drawn from a seed, so it can be run again; `program(plan)` is a conformance program, which runs on the
  model and on Kafka, and tells its history with `stage.see`.
- Every value is sent once by the application. Each writer's values stand in one transaction, or in none.
- The last transaction may be left open; then a successor with the same transactional.id takes over, which may also
  happen in the midst of another transaction: then the first writer is a zombie that goes on.
- Members read what is committed, commit their positions now and then, and may leave, by the plan.
- When all writers are done, the reader reads everything once more from the start, without a group.
"""

import random
import uuid
from dataclasses import dataclass
from typing import Any

from tests.conformance.stage import LOSE_REPLY, LOSE_REQUEST, Fault, Program, Stage

COMMIT, ABORT, LEAVE = "commit", "abort", "leave"
PLAIN, IDEMPOTENT = "plain", "idempotent"
ON_KAFKA = 240  # so many plans are run on Kafka, too
PATIENCE = 3  # polls in vain until a reader believes that there is nothing more


@dataclass(frozen=True)
class Transaction:
    """What is written together: (value, partition) pairs, and how that is to end."""

    name: str
    values: tuple[tuple[str, int], ...]
    end: str


@dataclass(frozen=True)
class Member:
    """A consumer of the group: when it comes, how often it polls until it leaves, how many reads it commits."""

    name: str
    late_s: float
    polls: int | None
    commits_every: int


@dataclass(frozen=True)
class Plan:
    seed: str
    partitions: int
    transactions: tuple[Transaction, ...]
    taken_over_after: int | None  # so many transactions of the first writer; the rest are still tried
    successor: tuple[Transaction, ...]
    kind: str  # of the writer without transactions
    values: tuple[tuple[str, int], ...]
    members: tuple[Member, ...]
    fault: Fault | None


def plan(seed: str) -> Plan:
    """The plan of this seed."""
    dice = random.Random(seed)
    partitions = dice.choice((1, 2))
    numbers = iter(range(1_000))

    def values(writer: str, most: int) -> tuple[tuple[str, int], ...]:
        return tuple(
            (f"{writer}{next(numbers)}", dice.randrange(partitions)) for _ in range(dice.randint(1, most))
        )

    def transactions(writer: str, count: int) -> tuple[Transaction, ...]:
        return tuple(
            Transaction(f"{writer}{number}", values(writer, 3), dice.choice((COMMIT, COMMIT, ABORT)))
            for number in range(count)
        )

    first = transactions("t", dice.randint(1, 3))
    taken_over_after = dice.choice((None, None, dice.randint(1, len(first))))
    if taken_over_after == len(first):
        first = (*first[:-1], Transaction(first[-1].name, first[-1].values, LEAVE))
    faults = [
        *(None, Fault("Produce", LOSE_REPLY), Fault("EndTransaction", LOSE_REPLY)),
        *(Fault("EndTransaction", LOSE_REQUEST), Fault("CommitOffsets", LOSE_REPLY)),
        Fault("CommitOffsets", LOSE_REQUEST),
    ]
    members = [Member("m0", 0, None, dice.randint(1, 3))]
    if dice.random() < 0.6:
        members.append(Member("m1", dice.random(), dice.choice((None, 3, 6)), dice.randint(1, 3)))
    return Plan(
        seed,
        partitions,
        first,
        taken_over_after,
        transactions("s", 1) if taken_over_after is not None else (),
        dice.choice((PLAIN, IDEMPOTENT)),
        values("p", 4),
        tuple(members),
        dice.choice(faults),
    )


def program(of: Plan, settled_after_s: float = 0, patience_s: float = 45) -> Program:
    """The plan as a program for the model and for Kafka.

    `settled_after_s`: how long markers may be under way when all that was asked for has been answered;
    `patience_s`: how long one process waits for another.
    """
    settings = {"transactional.id": f"chaos-{uuid.uuid4().hex[:8]}", "transaction.timeout.ms": 30_000}

    def write(stage: Stage) -> tuple[Any, ...]:
        return _Cast(of, stage, settled_after_s, patience_s).processes()

    return Program(write, (), of.partitions, {}, settings, of.fault, None, None)


class _Cast:
    """The processes of a plan."""

    def __init__(self, of: Plan, stage: Stage, settled_after_s: float, patience_s: float) -> None:
        self._plan = of
        self._stage = stage
        self._settled_after_s = settled_after_s
        self._patience_s = patience_s

    def processes(self) -> tuple[Any, ...]:
        members = tuple(self._member(member) for member in self._plan.members)
        successor = (self._successor(),) if self._plan.successor else ()
        return (self._first(), *successor, self._without(), *members, self._reader())

    # Writers

    def _first(self) -> Any:
        stage, plan = self._stage, self._plan

        async def first(producer, clock):
            await producer.init_transactions(20)
            for number, transaction in enumerate(plan.transactions, 1):
                await self._transact(producer, transaction)
                if number == plan.taken_over_after:
                    stage.reached("may be taken over")
                    await stage.waits_for("successor done", clock, self._patience_s)
            stage.reached("first done")

        return first

    def _successor(self) -> Any:
        async def successor(producer, clock):
            await self._stage.waits_for("may be taken over", clock, self._patience_s)
            await producer.init_transactions(20)
            for transaction in self._plan.successor:
                await self._transact(producer, transaction)
            self._stage.reached("successor done")

        return successor

    async def _transact(self, producer: Any, transaction: Transaction) -> None:
        see, attempt = self._stage.see, self._stage.attempt
        if isinstance(await attempt(producer.begin_transaction()), str):
            return
        for value, partition in transaction.values:
            see("sent", transaction.name, value, partition, None)
            delivery = await attempt(producer.produce(self._stage.topic, value, key=value, partition=partition))
            if hasattr(delivery, "add_done_callback"):  # what becomes of it the end of the transaction says
                delivery.add_done_callback(lambda done: done.cancelled() or done.exception())
            await attempt(producer.flush())
        see("ends", transaction.name, transaction.end)
        if transaction.end != LEAVE:
            see("ended", transaction.name, await self._end(producer, transaction.end))

    async def _end(self, producer: Any, end: str) -> str:
        """Ends the transaction, asks again as long as that makes sense: "ok", or the error's name."""
        for _ in range(20):
            call = producer.commit_transaction if end == COMMIT else producer.abort_transaction
            error = await self._stage.attempt(call(5))
            if error is None:
                return "ok"
            if error.endswith("abort"):
                end = ABORT
            elif not error.endswith("retriable"):
                break
        return error

    def _without(self) -> Any:
        """The writer without transactions; its parameter says what producer it has."""
        stage, plan = self._stage, self._plan

        async def write(producer: Any) -> None:
            for value, partition in plan.values:
                delivery = await producer.produce(stage.topic, value, key=value, partition=partition)
                await producer.flush()
                stage.see("sent", "", value, partition, (await delivery).offset())
            stage.reached("without done")

        async def with_plain(plain):
            await write(plain)

        async def with_idempotent(idempotent):
            await write(idempotent)

        return with_plain if plan.kind == PLAIN else with_idempotent

    # Readers

    @property
    def _done(self) -> bool:
        wanted = {"first done", "without done"} | ({"successor done"} if self._plan.successor else set())
        return wanted <= self._stage.marks

    def _member(self, of: Member) -> Any:
        stage = self._stage

        async def member(consumer, clock):
            sessions = iter(range(1_000))
            session = [next(sessions)]

            async def assigned(_consumer, _partitions):
                session[0] = next(sessions)

            await clock.sleep(of.late_s)
            await consumer.subscribe([stage.topic], on_assign=assigned)
            polls, reads, vain = 0, 0, 0
            while vain < PATIENCE and polls != of.polls:
                message = await consumer.poll(0.4)
                polls += 1
                vain = vain + 1 if message is None and self._done else 0
                if message is None or message.error() is not None:
                    continue
                reads += 1
                stage.see(
                    "read", of.name, session[0], message.partition(), message.offset(), message.value().decode()
                )
                if reads % of.commits_every == 0:
                    await stage.attempt(consumer.commit(asynchronous=False))
            await stage.attempt(consumer.commit(asynchronous=False))
            await consumer.close()
            stage.reached(f"{of.name} done")

        member.__name__ = of.name
        return member

    def _reader(self) -> Any:
        stage, plan = self._stage, self._plan

        async def reader(consumer, clock):
            for name in ("first done", "without done", *(f"{member.name} done" for member in plan.members)):
                await stage.waits_for(name, clock, self._patience_s)
            await clock.sleep(self._settled_after_s)
            places = [stage.place(partition, 0) for partition in range(plan.partitions)]
            await consumer.assign(places)
            ends = [await consumer.get_watermark_offsets(place) for place in places]
            stage.see("ends of logs", [end for _, end in ends])
            vain = 0
            while vain < PATIENCE:
                message = await consumer.poll(0.4)
                vain = 0 if message is not None else vain + 1
                if message is not None:
                    stage.see("final", message.partition(), message.offset(), message.value().decode())
            for place in await consumer.committed(places):
                stage.see("group", place.partition, place.offset)

        return reader
