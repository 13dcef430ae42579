"""A consumer: what the client library does in one life of a process.

Rules, and where they are defined (librdkafka: rdkafka_cgrp.c, rdkafka_assignment.c; KIP-429)
- What the application has to do with a rebalance waits until it polls: `poll` first lets it run the callbacks that
  it subscribed with. Heartbeats, joining and syncing go on in the background, as long as the process is awake.
- Under the eager protocol (range, roundrobin, sticky) the consumer gives up all its partitions before it joins
  again, and is then assigned all that it is to read. Under the cooperative protocol it joins again and reads on;
  then it gives up what goes to another, joins once more, and is assigned only what is new.
- When its session was over, its partitions are lost: it hears so by on_lost (left out: on_revoke), and joins anew.
- The consumer takes over what a callback has left to it: who does not `assign` in on_assign is assigned all the
  same.
- What it reads, and where: `reading.py`. Committing an offset that is lower than before is allowed.
- `consume` waits until its batch is full or its time is over (rd_kafka_q_serve_rkmessages()).
- Unsubscribing takes effect in the next poll (or close), like every rebalance.
- A commit's request or its reply may get lost. The client library sends it again (*retry request*, *retry reply*);
  if that gets lost, too (*lose request*, *lose reply*), both are REQUEST_TIMED_OUT to the consumer, which cannot
  tell them apart.
- With `enable.auto.commit` the client commits what it has stored every `auto.commit.interval.ms`, and when it
  gives partitions up; it stores what poll gives, before the application has dealt with it, unless
  `enable.auto.offset.store` is false: then the application stores itself.
- Who does not poll for `max.poll.interval.ms` leaves the group: the next poll says so (_MAX_POLL_EXCEEDED), then
  the partitions are lost (KIP-62).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unreliable import requests as r
from unreliable.clients.confluent_kafka import (
    FATAL,
    MAX_POLL_EXCEEDED,
    OFFSET_BEGINNING,
    KafkaError,
)
from unreliable.kafka.assignors import Subscription
from unreliable.kafka.consumer_config import ConsumerConfig
from unreliable.kafka.errors import (
    FENCED_FATALLY,
    NO_SUCH_PARTITION,
    NOT_NOW,
    NOT_VALID,
    NOTHING_TO_COMMIT,
    PARTITION_UNKNOWN_HERE,
    TIMED_OUT,
    UNRELEASED,
)
from unreliable.kafka.groups import Group, Member
from unreliable.kafka.log import Log, Partition
from unreliable.kafka.modern_groups import ModernGroup
from unreliable.kafka.producer import REQUEST_TIMEOUT_MS
from unreliable.kafka.reading import Reading

if TYPE_CHECKING:
    from unreliable.world import Process, World

LEAST_WAIT_MS = 250  # of a poll in vain: asking more often would make runs longer and find nothing more


@dataclass(slots=True)
class Change:
    """What the application has to hear of its partitions: `kind` is assign, revoke or lost.

    `done`: its callback has seen to it.
    """

    kind: str
    partitions: tuple[Partition, ...]
    done: bool = False


class Consumer:
    """The client library of one life of a process, with the group that it is in."""

    def __init__(
        self, process: "Process", world: "World", logs: dict[Partition, Log], group: Group | ModernGroup
    ) -> None:
        self.process = process
        self._here = process.here
        self.group = group
        self.config: ConsumerConfig = process.spec.consumer_config
        self._modern = self.config.group_protocol == "consumer"
        self.member = ""  # the member id, once it has joined
        self.generation = -1
        self.fenced = False
        self.paused = False
        self.waiting = 0  # the ticket of the poll that it waits in
        self._reading = Reading(logs, group, self.config, self._tell_in_poll)
        self._commits_soon = False  # whether auto.commit.interval.ms runs
        self._topics = process.spec.subscribes or tuple(dict.fromkeys(topic for topic, _ in logs))
        self._subscribed = True  # until it is assigned partitions by hand
        self._callbacks: tuple[str, ...] = ()
        self._pending: list[Change | r.Notice] = []  # what the next poll has to see to, in this order
        self._calling: Change | None = None  # whose callback is being run
        self._during: r.Request | None = None  # what the callback came in the midst of
        self._until_ms: int | None = None  # when the poll that it came in the midst of is over
        self._most: int | None = None
        self._rejoins = False  # as soon as nothing is pending
        self._leaves = False  # likewise
        self._joined_times = 0
        self._told_generation: int | None = None  # what the application may still show to a transaction
        self._polled_ms = 0
        self._watched = False  # whether max.poll.interval.ms runs
        self._asked: r.Committed | None = None  # an answer that waits until the offsets are stable
        self._world = world
        self._logs = logs

    @property
    def here(self) -> tuple[str, int]:
        return self._here

    @property
    def awake(self) -> bool:
        return not self.paused and self._world.alive(*self.here)

    @property
    def positions(self) -> dict[Partition, int]:
        """Where it is in each of the partitions that it reads."""
        return self._reading.positions

    def _tell_in_poll(self, notice: r.Notice) -> None:
        self._pending.append(notice)

    # Subscribing and leaving

    def subscribe(self, request: r.Subscribe) -> None:
        """Takes this subscription from now on, and joins the group."""
        self._finish_call()
        unknown = [topic for topic in request.topics if not any(topic == known for known, _ in self._logs)]
        self._topics = request.topics
        self._callbacks = request.callbacks
        self._subscribed = bool(request.topics)
        self._leaves = False
        code = KafkaError.UNKNOWN_TOPIC_OR_PART
        self._pending += [r.Notice(code, f"Subscribed topic not available: {topic}") for topic in unknown]
        if self.member:
            self._revoke_all("revoke")
        elif self._subscribed:
            self._join()
        self._world.answer(self.process, None)

    def unsubscribe(self) -> None:
        """Leaves the group, once a poll has seen to it that all is given up; until then it sends no heartbeats."""
        self._finish_call()
        self._subscribed = self._rejoins = False
        self._leaves = True
        partitions = self._will_have()
        if partitions:
            self._pending.append(Change("revoke" if self.member else "lost", partitions))
            self._world.after(self.config.session_timeout_ms, Consumer.expire, self, *self.here)
        self._go_on()
        self._world.answer(self.process, None)

    def close(self, request: r.Close) -> None:
        """Gives up what it has, and leaves the group."""
        self._finish_call()
        kind = "revoke" if self.member or not self._subscribed else "lost"
        self._pending = [Change(kind, tuple(self.positions))] if self.positions else []
        self._rejoins = False
        self._subscribed = False
        self._during = request
        self._go_on()

    def _left(self) -> None:
        """All is given up: the group may know. A static member that closes does not say so (KIP-345)."""
        self._during = None
        if not self.config.group_instance_id:
            self._leave_group()
        elif self.member:
            self._leaves = True
            self.group.leave(self.member, for_now=True)
            self._world.after(self.config.session_timeout_ms, Consumer.expire, self, *self.here)
        self._world.answer(self.process, None)

    def _leave_group(self) -> None:
        member, self.member = self.member, ""
        if member not in self.group.members:
            return
        if self._world.trace is not None:
            self._world.trace.left(self.process)
        self._world.changed(lasting=False)
        self.group.leave(member)

    def _join(self) -> None:
        """Joins, or joins again."""
        if not self.member:
            self._joined_times += 1
            name, life = self.here
            self.member = f"{name}-{life}.{self._joined_times}"
            if self._world.trace is not None:
                self._world.trace.joined(self.process)
        instance = self.config.group_instance_id
        order = (0, instance, 0, 0) if instance else (1, *self.here, self._joined_times)
        subscription = Subscription(self._topics, tuple(self.positions))
        member = Member(self.member, order, self, self.config.strategies, subscription, instance)
        member.epoch = max(self.generation, 0) if self.member in self.group.members else 0
        refusal = self.group.join(member)
        if refusal is not None:
            self._refused(refusal)

    def _refused(self, refusal: r.Failure) -> None:
        """The coordinator of a KIP-848 group does not take the heartbeat."""
        self.member = ""
        if refusal is UNRELEASED:
            self._subscribed = False
            self._pending.append(r.Notice(FATAL, f"Fatal error: {refusal.arguments[1]}"))
        self._revoke_all("lost")

    # What the coordinator says, while the process is awake

    def rebalancing(self) -> None:
        """The group prepares a rebalance. Eager: all is given up first. Cooperative: it joins with what it has."""
        if self._rejoins:
            return
        if self.config.cooperative or not self._will_have():
            self._join()
        else:
            self._revoke_all("revoke")

    def synced(self, generation: int, assignment: tuple[Partition, ...]) -> None:
        """The member has been assigned its partitions: the application hears what is new to it."""
        self.generation = generation
        if not self.config.cooperative:
            self._pending.append(Change("assign", assignment))
        else:
            has = self._will_have()
            gone = tuple(partition for partition in has if partition not in assignment)
            new = tuple(partition for partition in assignment if partition not in has)
            if gone:
                self._pending.append(Change("revoke", gone))
            if new or gone or not self._modern:  # classic: on_assign is called in every rebalance
                self._pending.append(Change("assign", new))
            self._rejoins = self._rejoins or bool(gone) or self._modern  # that is how it says what it has now
        self._go_on()

    def wakes(self) -> None:
        """The process goes on after a pause: the background catches up with what it has missed."""
        self.paused = False
        if self.member in self.group.members:
            self.group.catch_up(self.member)
        elif self.member:
            self._lost()

    def out(self, fenced: bool = False) -> None:
        """The group has thrown the member out: it notices when it is awake."""
        self.fenced = fenced
        if self.awake:
            self._lost()

    def _lost(self) -> None:
        self.member = ""
        if self.fenced:
            self._subscribed = False
            self._pending.append(r.Notice(FATAL, str(FENCED_FATALLY.arguments[1])))
        self._revoke_all("lost")

    def _revoke_all(self, kind: str) -> None:
        """All that the consumer has, or is about to have, goes; then it joins again.

        What it has not heard yet that it has to give up is lost with the rest (rd_kafka_assignment_lost()).
        """
        for change in self._pending if kind == "lost" else ():
            if isinstance(change, Change) and change.kind == "revoke":
                change.kind = "lost"
        partitions = self._will_have()
        if partitions:
            self._pending.append(Change(kind, partitions))
        self._rejoins = True
        self._go_on()

    def _will_have(self) -> tuple[Partition, ...]:
        """The partitions, once all that is pending is done."""
        has = dict.fromkeys(self.positions)
        for change in (self._calling, *self._pending):
            if isinstance(change, Change) and change.kind == "assign":
                has |= dict.fromkeys(change.partitions)
            elif isinstance(change, Change):
                has = dict.fromkeys(partition for partition in has if partition not in change.partitions)
        return tuple(has)

    # Polling

    def poll(self, request: r.Poll) -> None:
        self._finish_call()
        self._during = None
        self.waiting = self.process.ticket
        self._most = request.most
        wait_ms = request.timeout_ms
        self._until_ms = None if wait_ms is None else self._world.now_ms + max(wait_ms, LEAST_WAIT_MS)
        if self._subscribed and not self.member and not self._rejoins:
            self._join()
        self._go_on()
        self._wait()

    def _wait(self) -> None:
        if self.waiting and self._until_ms is not None:
            wait_ms = max(self._until_ms - self._world.now_ms, 0)
            self._world.after(wait_ms, Consumer.waited_in_vain, self, *self.here, self.waiting)

    def waited_in_vain(self, _: str, __: int, ticket: int) -> None:
        """The poll's time is over: what there is of a batch, or None."""
        if self.waiting == ticket and self._world.alive(*self.here):
            self.serve(late=True)
        if self.waiting == ticket and self._world.alive(*self.here):
            self.waiting = 0
            self._polled()
            self._world.waited(self.process)
            self._world.answer(self.process, None if self._most is None else ())

    def called(self) -> None:
        """The application has run the callback; what it came in the midst of goes on."""
        if self._calling is None:
            self._world.answer(self.process, NOT_NOW)
            return
        if self._during is None:
            self.waiting = self.process.ticket
        self._finish_call()
        self._go_on()
        self._wait()

    def _finish_call(self) -> None:
        """Whatever the callback has left undone, also by an exception, is done now."""
        change, self._calling = self._calling, None
        if change is not None:
            self._carry_out(change)

    def _go_on(self) -> None:
        """Does what is pending, as far as the application is there to hear of it."""
        while self._pending and (self.waiting or self._during is not None):
            change = self._pending.pop(0)
            if isinstance(change, r.Notice):
                self._reply(change if self._most is None else (change,))
            elif change.kind in self._callbacks:
                self._calling = change
                self._reply(r.Rebalance(change.kind, change.partitions))
                return
            else:
                self._carry_out(change)
        if self._pending or self._calling is not None:
            return
        if self._during is not None:
            self._left()
        elif self._leaves:
            self._leaves = False
            self._leave_group()
        elif self._rejoins:
            self._rejoins = False
            if self._subscribed:
                self._join()
        elif self.waiting:
            self.serve()

    def _reply(self, reply: Any) -> None:
        """Answers the poll that waits; what comes of it is progress."""
        self.waiting = 0
        self.process.at_moment = -1
        if self._world.trace is not None and isinstance(reply, r.Rebalance):
            self._world.trace.rebalances(self.process, reply)
        self._polled()
        self._world.answer(self.process, reply)

    def _carry_out(self, change: Change) -> None:
        """Takes the partitions over, or gives them up."""
        if change.done:
            return
        if change.kind == "assign":
            self._reading.take(tuple((*partition, None) for partition in change.partitions))
        else:
            if change.kind == "revoke":
                self.commit_by_itself()
            self._reading.drop(change.partitions)

    def serve(self, late: bool = False) -> None:
        """Answers a waiting poll if there is a record; or a batch, if it is full or the time is over."""
        if self._most is not None and not late and self._reading.ready(self._most) < self._most:
            return
        records, after = self._reading.next(self._most or 1)
        if not records:
            return
        if self.config.enable_auto_offset_store:
            for partition, offset in after:
                self._store(partition, offset)
        if self._world.trace is not None:
            for record in records:
                self._world.trace.polled(self.process, record)
        self._reply(records[0] if self._most is None else tuple(records))

    # Being out of the group

    def silent(self, duration_ms: int) -> None:
        """The process sends no heartbeats for so long, or never again."""
        self.waiting = 0
        if self.member and duration_ms >= self.config.session_timeout_ms:
            self._world.after(self.config.session_timeout_ms, Consumer.expire, self, *self.here)

    def expire(self, *_: object) -> None:
        """The session is over: the member is out, its partitions go to the others."""
        heartbeats = self.awake and not self._leaves
        if heartbeats or self.member not in self.group.members:
            return
        if self._world.trace is not None:
            self._world.trace.expired(self.process)
        self._world.changed(lasting=False)
        self.group.leave(self.member)

    def _polled(self) -> None:
        """The application has been given something: it has to be back in time."""
        interval_ms = self.config.max_poll_interval_ms
        self._polled_ms = self._world.now_ms
        if interval_ms is not None and not self._watched:
            self._watched = True
            self._world.after(interval_ms, Consumer.overdue, self, *self.here)

    def overdue(self, *_: object) -> None:
        """The time that max.poll.interval.ms gives may be over."""
        interval_ms = self.config.max_poll_interval_ms
        self._watched = False
        if interval_ms is None or self.waiting or not self.member or not self._world.alive(*self.here):
            return
        rest_ms = self._polled_ms + interval_ms - self._world.now_ms
        if rest_ms > 0 or self.paused:
            self._watched = True
            self._world.after(max(rest_ms, 1), Consumer.overdue, self, *self.here)
            return
        self._pending.append(
            r.Notice(
                MAX_POLL_EXCEEDED,
                "Application maximum poll interval exceeded: leaving the group",
            )
        )
        self._leave_group()
        self._revoke_all("lost")

    # Committing and positions

    def commit(self, request: r.CommitOffsets, outcome: str) -> None:
        asked = self._reading.to_commit() if request.offsets is None else request.offsets
        offsets = tuple(place for place in asked if place[2] >= 0)
        if any((topic, number) not in self._logs for topic, number, _ in offsets):
            self._world.answer(self.process, NO_SUCH_PARTITION)
            return
        if not offsets:
            self._world.answer(self.process, NOTHING_TO_COMMIT)
            return
        refusal = self.refusal()
        if refusal is None and not outcome.endswith("request") and self.group.offsets.commit(offsets):
            self._world.changed()
        if self._world.trace is not None:
            self._world.trace.committed_offsets(self.process, offsets, outcome, refusal)
        if outcome == "ok":
            self._world.answer(self.process, refusal or asked)
        elif outcome.startswith("retry"):
            self._world.broker.again(REQUEST_TIMEOUT_MS, self.process, r.CommitOffsets(asked))
        else:
            self._world.answer(self.process, TIMED_OUT, REQUEST_TIMEOUT_MS)

    def _store(self, partition: Partition, offset: int) -> None:
        self._reading.stored[partition] = offset
        if self.config.enable_auto_commit and not self._commits_soon:
            self._commits_soon = True
            self._world.after(self.config.auto_commit_interval_ms, Consumer.commit_by_itself, self, *self.here)

    def commit_by_itself(self, *timer: object) -> None:
        """Commits what is stored, if the process is awake; the application does not hear how that ended."""
        if not self.config.enable_auto_commit or not self._world.alive(*self.here):
            return
        if self.paused:
            self._world.after(LEAST_WAIT_MS, Consumer.commit_by_itself, self, *self.here)
            return
        self._commits_soon = self._commits_soon and not timer
        offsets = tuple(place for place in self._reading.to_commit() if place[2] >= 0)
        if not offsets:
            return
        refusal = self.refusal()
        if refusal is None and self.group.offsets.commit(offsets):
            self._world.changed()
        if self._world.trace is not None:
            self._world.trace.committed_offsets(self.process, offsets, "ok", refusal, by_itself=True)

    def store(self, request: r.StoreOffsets) -> None:
        """The application says what is to be committed."""
        if self.config.enable_auto_offset_store:
            self._world.answer(self.process, NOT_VALID)
        elif any((topic, number) not in self.positions for topic, number, _ in request.offsets):
            self._world.answer(self.process, NOT_NOW)
        else:
            for topic, number, offset in request.offsets:
                self._store((topic, number), offset)
            self._world.answer(self.process, None)

    def hold(self, request: r.PausePartitions) -> None:
        """Pauses partitions, or resumes them; of those that it does not read nothing is said."""
        self._reading.hold(request.partitions, request.paused)
        self._world.answer(self.process, None)

    def refusal(self) -> r.Failure | None:
        """Why the coordinator does not take a commit of this consumer; None if it does."""
        if self.fenced:
            return FENCED_FATALLY
        return self.group.refusal(self.member, self.generation)

    def seek(self, request: r.Seek) -> None:
        partition = (request.topic, request.partition)
        if partition not in self.positions:
            self._world.answer(self.process, NOT_NOW if self.member else PARTITION_UNKNOWN_HERE)
        elif request.offset < OFFSET_BEGINNING:
            self._world.answer(self.process, NOT_VALID)
        else:
            self._reading.seek(partition, request.offset)
            self._world.answer(self.process, None)

    def assign(self, request: r.Assign) -> None:
        """The application says itself what it reads: in on_assign and on_revoke, or instead of subscribing."""
        change = self._calling
        partial = request.how in {"add", "remove"}
        if change is not None and partial != self.config.cooperative and request.how != "unassign":
            self._world.answer(self.process, NOT_NOW)
            return
        if any((topic, number) not in self._logs for topic, number, _ in request.partitions):
            self._world.answer(self.process, PARTITION_UNKNOWN_HERE)
            return
        if request.how not in {"add", "remove"}:
            self._reading.drop(tuple(self.positions))
        if request.how in {"assign", "add"}:
            self._reading.take(request.partitions)
        elif request.how == "remove":
            self._reading.drop(tuple((topic, number) for topic, number, _ in request.partitions))
        if change is not None:
            change.done = True
        elif not self.member:
            self._subscribed = False
        self._world.answer(self.process, None)

    def tell(self, request: r.Request) -> None:
        """Answers what changes nothing."""
        match request:
            case r.Committed():
                if any(self.group.offsets.unstable(key) for key in request.partitions):
                    self._asked = request
                    return
                committed = tuple(self.group.committed.get(key) for key in request.partitions)
                self._world.answer(self.process, committed)
            case r.Position():
                self._world.answer(self.process, tuple(self._reading.given.get(key) for key in request.partitions))
            case r.Watermarks():
                partition = (request.topic, request.partition)
                known = partition in self._logs
                self._world.answer(
                    self.process, (0, self._reading.end(partition)) if known else PARTITION_UNKNOWN_HERE
                )
            case r.GroupMetadata():
                self._told_generation = self.generation
                parts = (self.process.spec.group, self.generation, self.member, self.config.group_instance_id)
                self._world.answer(self.process, parts)
            case _:
                self._world.answer(self.process, tuple(self.positions))

    def told_later(self) -> None:
        """Committed offsets may have become stable: whoever asked for them may hear."""
        if self._asked is not None:
            request, self._asked = self._asked, None
            self.tell(request)

    def _rest_ms(self) -> int | None:
        """How much is left of the poll that a callback came in the midst of."""
        return None if self._until_ms is None else self._until_ms - self._world.now_ms

    def state(self) -> tuple[Any, ...]:
        """What the rest of the run depends on, of a consumer whose process lives."""
        return (
            self._asked,
            bool(self.waiting),
            self.paused,
            self._rejoins,
            self._leaves,
            self._subscribed,
            *self._reading.state(),
            tuple((p.kind, p.partitions) if isinstance(p, Change) else p for p in self._pending),
            self._calling and (self._calling.kind, self._calling.done, self._rest_ms()),
            self._rest_ms() if self.waiting and self._most is not None and self._reading.ready(1) else None,
            self.group.refusal(self.member, self.generation) is None,
            self._told_generation == self.generation,
            self._world.now_ms - self._polled_ms if self._watched else None,
        )
