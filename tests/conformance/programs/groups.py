"""Groups: who has which partition, and what happens to those who are away."""

from tests.conformance.stage import poll_all, program, send


@program(partitions=2)
def two_members_have_one_partition_each(stage):
    """The range assignor gives each of two members one of two partitions; together they have both.
    RangeAssignor; librdkafka CONFIGURATION.md, partition.assignment.strategy=range,roundrobin"""
    held = {}

    def member(name):
        async def consume(consumer, clock):
            for _ in range(100):
                await consumer.poll(0.2)
                held[name] = [tp.partition for tp in await consumer.assignment()]
                if sorted(held.values()) == [[0], [1]] and not stage.seen:
                    stage.see(sorted(held.values()))
                if stage.seen:
                    break

        consume.__name__ = name
        return consume

    return member("first"), member("second")


@program()
def a_group_goes_on_where_it_committed(stage):
    """A member that comes later starts from what the group has committed, not from the start of the log.
    https://kafka.apache.org/documentation/#design_consumerposition"""

    async def first(producer, consumer):
        await send(producer, stage.topic, "a", "b", "c")
        messages = await poll_all(consumer, 2)
        await consumer.commit(message=messages[0], asynchronous=False)
        stage.see("first", messages)
        stage.reached("committed")

    async def second(consumer, clock):
        await stage.waits_for("committed", clock)
        stage.see("second", await poll_all(consumer, 2))

    return first, second


@program(24)
def a_member_reads_again_what_it_did_not_commit(stage):
    """Records that were read and not committed are read again by whoever gets the partition next.
    https://kafka.apache.org/documentation/#semantics, "at least once" """

    async def first(producer, consumer):
        await send(producer, stage.topic, "a", "b")
        stage.see("first", await poll_all(consumer, 2))
        stage.reached("read")

    async def second(consumer, clock):
        await stage.waits_for("read", clock)
        stage.see("second", await poll_all(consumer, 2))

    return first, second


NO_CALLBACKS = "the model's consumer is subscribed already, so there is nobody to hear of rebalances"
NEXT_GENERATION = "the model has the classic protocol, which is librdkafka's default"
COOPERATIVE = {"partition.assignment.strategy": "cooperative-sticky"}


def _callbacks(stage, name=""):
    """Callbacks that note what they are told."""

    async def on_assign(consumer, partitions):
        stage.see(name + "assigned", len(partitions))

    async def on_revoke(consumer, partitions):
        stage.see(name + "revoked", len(partitions))

    return {"on_assign": on_assign, "on_revoke": on_revoke}


@program(partitions=2, absent=NO_CALLBACKS, expected=[("assigned", 2), ("revoked", 2)])
def callbacks_tell_of_the_assignment(stage):
    """on_assign tells what the member has been given, on_revoke what it gives back when it unsubscribes.
    KIP-429; confluent_kafka.Consumer.subscribe"""

    async def consume(consumer):
        await consumer.subscribe([stage.topic], **_callbacks(stage))
        for _ in range(50):
            if stage.seen:
                break
            await consumer.poll(0.2)
        await consumer.unsubscribe()

    return consume


@program(
    27,
    partitions=2,
    absent=NO_CALLBACKS,
    expected=[("assigned", 2), ("revoked", 2), ("assigned", 1)],
)
def an_eager_rebalance_revokes_everything(stage):
    """Under the eager protocol (range) a member gives up all its partitions before it is assigned its new share.
    KIP-429, "Consumer rebalance protocol" """

    async def first(consumer, clock):
        await consumer.subscribe([stage.topic], **_callbacks(stage))
        for _ in range(100):
            if len(stage.seen) == 1:
                stage.reached("alone")
            if len(stage.seen) == 3:
                break
            await consumer.poll(0.2)
        stage.reached("shared")
        await consumer.subscribe([stage.topic])  # what comes when it leaves is not heard

    async def second(consumer, clock):
        await stage.waits_for("alone", clock)
        for _ in range(100):
            if "shared" in stage.marks:
                break
            await consumer.poll(0.2)

    return first, second


@program(
    27,
    partitions=2,
    consumer=COOPERATIVE,
    absent=NO_CALLBACKS,
    expected=[("assigned", 2), ("revoked", 1)],
)
def a_cooperative_rebalance_revokes_the_difference(stage):
    """Under the cooperative protocol a member gives up only what goes to another, and reads on from the rest.
    KIP-429, "Incremental cooperative rebalancing" """

    async def first(consumer, clock):
        async def on_assign(consumer, partitions):
            if partitions:
                stage.see("assigned", len(partitions))

        async def on_revoke(consumer, partitions):
            if "shared" not in stage.marks:
                stage.see("revoked", len(partitions))
                stage.reached("shared")

        await consumer.subscribe([stage.topic], on_assign=on_assign, on_revoke=on_revoke)
        for _ in range(100):
            if stage.seen:
                stage.reached("alone")
            if "shared" in stage.marks:
                break
            await consumer.poll(0.2)

    async def second(consumer, clock):
        await stage.waits_for("alone", clock)
        for _ in range(100):
            if "shared" in stage.marks:
                break
            await consumer.poll(0.2)

    return first, second


@program(
    29,
    30,
    consumer={"group.protocol": "consumer"},
    absent=NEXT_GENERATION,
    expected=[[(0, 0, b"a", b"a")], [(0, 1)]],
)
def the_next_generation_of_groups_reads_and_commits(stage):
    """With group.protocol=consumer the broker assigns the partitions; reading and committing are as before.
    KIP-848"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a")
        messages = await poll_all(consumer, 1)
        stage.see(messages)
        await consumer.commit(message=messages[0], asynchronous=False)
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@program(
    26,
    consumer={"max.poll.interval.ms": 2000},
    absent="the model has no max.poll.interval.ms: its pauses are longer than a session",
    expected=["_MAX_POLL_EXCEEDED", "UNKNOWN_MEMBER_ID"],
)
def a_member_that_does_not_poll_is_out(stage):
    """A member that does not poll within max.poll.interval.ms leaves its group: the next poll says so, and what it
    commits then is refused.
    KIP-62; librdkafka: RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED"""

    async def both(producer, consumer, clock):
        await send(producer, stage.topic, "a")
        (message,) = await poll_all(consumer, 1)
        await clock.sleep(4)
        told = await consumer.poll(1.0)
        stage.see(told.error().name())
        stage.see(await stage.attempt(consumer.commit(message=message, asynchronous=False)))

    return both


@program(
    28,
    consumer={"enable.auto.commit": True, "auto.commit.interval.ms": 200},
    absent="the exercises commit by hand; the model's consumer never commits by itself",
    expected=[[(0, 2)]],
)
def auto_commit_takes_what_was_polled(stage):
    """With auto-commit, what poll has given is committed in the background, whether it has been dealt with or not.
    librdkafka CONFIGURATION.md, enable.auto.commit, enable.auto.offset.store"""

    async def both(producer, consumer, clock):
        await send(producer, stage.topic, "a", "b")
        await poll_all(consumer, 2)
        await consumer.poll(0.2)
        await clock.sleep(1)
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@program(22, absent="the model's consumer has no group metadata", expected=[[(0, 1)]])
def a_commit_by_hand_needs_no_poll(stage):
    """A consumer that was assigned its partition by hand, and is in no group's session, may commit for its group.
    OffsetCommitRequest with generation -1; KafkaConsumer, "Manual partition assignment" """

    async def both(producer, consumer):
        await send(producer, stage.topic, "a")
        await consumer.assign([stage.place(0, 0)])
        await consumer.commit(offsets=[stage.place(0, 1)], asynchronous=False)
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@program(25, partitions=1)
def a_third_member_may_have_nothing(stage):
    """With more members than partitions somebody has none, and waits.
    RangeAssignor"""
    held = {}

    def member(name):
        async def consume(consumer, clock):
            for _ in range(100):
                await consumer.poll(0.2)
                held[name] = len(await consumer.assignment())
                if sorted(held.values()) == [0, 1] and not stage.seen:
                    stage.see(sorted(held.values()))
                if stage.seen:
                    break

        consume.__name__ = name
        return consume

    return member("first"), member("second")
