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


NEXT_GENERATION = {"group.protocol": "consumer"}
BY_ITSELF = {"enable.auto.commit": True, "auto.commit.interval.ms": 200}
COOPERATIVE = {"partition.assignment.strategy": "cooperative-sticky"}


def _callbacks(stage, name=""):
    """Callbacks that note what they are told."""

    async def on_assign(consumer, partitions):
        stage.see(name + "assigned", len(partitions))

    async def on_revoke(consumer, partitions):
        stage.see(name + "revoked", len(partitions))

    return {"on_assign": on_assign, "on_revoke": on_revoke}


@program(partitions=2)
def callbacks_tell_of_the_assignment(stage):
    """on_assign tells what the member has been given, on_revoke what it gives back: in the poll after unsubscribe.
    KIP-429; confluent_kafka.Consumer.subscribe"""

    async def consume(consumer):
        await consumer.subscribe([stage.topic], **_callbacks(stage))
        for _ in range(50):
            if stage.seen:
                break
            await consumer.poll(0.2)
        await consumer.unsubscribe()
        stage.see("unsubscribed")
        await consumer.poll(0.5)
        stage.see(await consumer.assignment())

    return consume


@program(27, partitions=2)
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


@program(27, partitions=2, consumer=COOPERATIVE)
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


@program(27, partitions=2)
def a_commit_in_on_revoke_is_taken(stage):
    """While the group prepares a rebalance, a member may still commit: on_revoke is the place to do so.
    KIP-429, "Consumer rebalance protocol"; ClassicGroup.validateOffsetCommit"""

    async def first(producer, consumer, clock):
        async def on_revoke(consumer, partitions):
            stage.see("committed", await stage.attempt(consumer.commit(asynchronous=False)))
            stage.reached("given up")

        await send(producer, stage.topic, "a", partition=0)
        await consumer.subscribe([stage.topic], on_revoke=on_revoke)
        stage.see(await poll_all(consumer, 1))
        stage.reached("read")
        for _ in range(100):
            if "given up" in stage.marks:
                break
            await consumer.poll(0.2)
        await consumer.subscribe([stage.topic])

    async def second(consumer, clock):
        await stage.waits_for("read", clock)
        for _ in range(100):
            if "given up" in stage.marks:
                break
            await consumer.poll(0.2)

    return first, second


@program(partitions=2, consumer=COOPERATIVE)
def cooperative_callbacks_are_called_for_nothing_too(stage):
    """Under the cooperative protocol on_assign is called in each rebalance, also with no partition: after what
    was revoked, and when the member has joined again.
    librdkafka: rd_kafka_cgrp_handle_assignment_cooperative()"""
    told = []

    async def first(consumer, clock):
        async def on_assign(consumer, partitions):
            told.append(("assigned", len(partitions)))

        async def on_revoke(consumer, partitions):
            told.append(("revoked", len(partitions)))

        await consumer.subscribe([stage.topic], on_assign=on_assign, on_revoke=on_revoke)
        for _ in range(150):
            if told and told[-1][1] and "alone" not in stage.marks:
                stage.reached("alone")
            if len(told) == 5:
                break
            await consumer.poll(0.2)
        stage.see(told)
        stage.reached("seen")

    async def second(consumer, clock):
        await stage.waits_for("alone", clock)
        for _ in range(150):
            if await consumer.assignment() or "seen" in stage.marks:
                break
            await consumer.poll(0.2)
        await consumer.unsubscribe()
        await stage.waits_for("seen", clock)

    return first, second


@program()
def on_assign_may_choose_the_offsets(stage):
    """Who assigns the partitions itself in on_assign may give them offsets; before, they are not read.
    confluent_kafka.Consumer.subscribe; librdkafka: rd_kafka_conf_set_rebalance_cb()"""

    async def both(producer, consumer):
        async def on_assign(consumer, partitions):
            stage.see("before", await consumer.assignment())
            await consumer.assign([stage.place(partition.partition, 1) for partition in partitions])
            stage.see("after", len(await consumer.assignment()))

        await send(producer, stage.topic, "a", "b")
        await consumer.subscribe([stage.topic], on_assign=on_assign)
        stage.see(await poll_all(consumer, 1))

    return both


@program(consumer=COOPERATIVE)
def a_cooperative_assignment_is_incremental(stage):
    """Under the cooperative protocol on_assign may only add: there `assign` is an erroneous state.
    librdkafka: rd_kafka_assign(), RD_KAFKA_RESP_ERR__STATE"""

    async def both(producer, consumer):
        async def on_assign(consumer, partitions):
            places = [stage.place(partition.partition, 1) for partition in partitions]
            if places:
                stage.see(await stage.attempt(consumer.assign(places)))
                stage.see(await stage.attempt(consumer.incremental_assign(places)))

        await send(producer, stage.topic, "a", "b")
        await consumer.subscribe([stage.topic], on_assign=on_assign)
        stage.see(await poll_all(consumer, 1))

    return both


@program(consumer={"max.poll.interval.ms": 2000})
def partitions_are_lost_to_who_was_out(stage):
    """Who was out of the group hears by on_lost that its partitions may be another's; then it is assigned anew.
    KIP-429, onPartitionsLost; KIP-62"""

    async def both(producer, consumer, clock):
        async def on_assign(consumer, partitions):
            stage.see("assigned", len(partitions))

        async def on_lost(consumer, partitions):
            stage.see("lost", len(partitions))

        async def on_revoke(consumer, partitions):
            stage.see("revoked", len(partitions))

        await send(producer, stage.topic, "a")
        await consumer.subscribe([stage.topic], on_assign=on_assign, on_revoke=on_revoke, on_lost=on_lost)
        stage.see(await poll_all(consumer, 1))
        await clock.sleep(4)
        stage.see((await consumer.poll(1.0)).error().name())
        stage.see(await poll_all(consumer, 1))
        await consumer.subscribe([stage.topic])

    return both


@program(27, consumer={"max.poll.interval.ms": 2000})
def lost_partitions_are_revoked_if_nobody_minds(stage):
    """Without on_lost, on_revoke is called for partitions that are lost.
    KIP-429, onPartitionsLost; confluent_kafka.Consumer.subscribe"""

    async def both(producer, consumer, clock):
        await send(producer, stage.topic, "a")
        await consumer.subscribe([stage.topic], **_callbacks(stage))
        await poll_all(consumer, 1)
        await clock.sleep(4)
        stage.see((await consumer.poll(1.0)).error().name())
        stage.see(await poll_all(consumer, 1))
        await consumer.subscribe([stage.topic])

    return both


@program(consumer={"group.instance.id": "one"})
def a_static_member_takes_the_place_of_another(stage):
    """A member with the same group.instance.id takes over the partitions of the one before, which is fenced.
    KIP-345; FENCED_INSTANCE_ID (82); librdkafka: RD_KAFKA_RESP_ERR__FATAL"""

    async def first(producer, consumer, clock):
        await send(producer, stage.topic, "a")
        messages = await poll_all(consumer, 1)
        stage.see("first", messages)
        stage.reached("read")
        await stage.waits_for("taken over", clock)
        await clock.sleep(1)
        stage.see(await stage.attempt(consumer.commit(message=messages[0], asynchronous=False)))
        (told,) = await poll_all(consumer, 1)
        stage.see(told.error().name())

    async def second(consumer, clock):
        await stage.waits_for("read", clock)
        stage.see("second", await poll_all(consumer, 1))
        stage.reached("taken over")

    return first, second


@program(21, partitions=2)
def a_commit_is_not_asked_whose_partition_it_is(stage):
    """A member may commit for a partition that it has had to give up: the broker asks for the generation alone.
    ClassicGroup.validateOffsetCommit"""

    async def first(producer, consumer, clock):
        await send(producer, stage.topic, "a", partition=0)
        await send(producer, stage.topic, "b", partition=1)
        await poll_all(consumer, 2)
        stage.reached("read")
        for _ in range(100):
            if len(await consumer.assignment()) == 1:
                break
            await consumer.poll(0.2)
        offsets = [stage.place(0, 1), stage.place(1, 1)]
        stage.see(await stage.attempt(consumer.commit(offsets=offsets, asynchronous=False)))
        stage.reached("committed")

    async def second(consumer, clock):
        await stage.waits_for("read", clock)
        for _ in range(100):
            if "committed" in stage.marks:
                break
            await consumer.poll(0.2)

    return first, second


@program(25)
def a_member_that_left_is_unknown(stage):
    """Who has left the group may not commit for it while others are in it.
    ClassicGroup.validateOffsetCommit, UNKNOWN_MEMBER_ID (25)"""

    async def first(producer, consumer, clock):
        await send(producer, stage.topic, "a")
        (message,) = await poll_all(consumer, 1)
        await consumer.unsubscribe()
        await consumer.poll(0.5)
        stage.reached("left")
        await stage.waits_for("joined", clock)
        stage.see(await stage.attempt(consumer.commit(message=message, asynchronous=False)))
        stage.reached("tried")

    async def second(consumer, clock):
        await stage.waits_for("left", clock)
        await poll_all(consumer, 1)
        stage.reached("joined")
        for _ in range(100):
            if "tried" in stage.marks:
                break
            await consumer.poll(0.2)

    return first, second


@program(29, 30, consumer=NEXT_GENERATION)
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


@program(29, partitions=2, consumer=NEXT_GENERATION)
def a_next_generation_rebalance_moves_the_difference(stage):
    """With group.protocol=consumer a member gives up only what goes to another, and hears of nothing else.
    KIP-848, "Rebalance Process"; librdkafka INTRODUCTION.md, "Next Generation Consumer Group Protocol" """
    told = []

    async def first(consumer, clock):
        async def on_assign(consumer, partitions):
            told.append(("assigned", len(partitions)))

        async def on_revoke(consumer, partitions):
            told.append(("revoked", len(partitions)))

        await consumer.subscribe([stage.topic], on_assign=on_assign, on_revoke=on_revoke)
        for _ in range(150):
            if told and "alone" not in stage.marks:
                stage.reached("alone")
            if len(told) == 4:
                break
            await consumer.poll(0.2)
        stage.see(told)
        stage.reached("seen")

    async def second(consumer, clock):
        await stage.waits_for("alone", clock)
        for _ in range(150):
            if await consumer.assignment() or "seen" in stage.marks:
                break
            await consumer.poll(0.2)
        await consumer.close()
        await stage.waits_for("seen", clock)

    return first, second


@program(29, consumer=NEXT_GENERATION | {"group.instance.id": "one"})
def a_static_place_that_is_taken_is_refused(stage):
    """With group.protocol=consumer nobody takes the place of a static member that has not left: that is fatal.
    KIP-848, UNRELEASED_INSTANCE_ID (111); librdkafka: RD_KAFKA_RESP_ERR__FATAL"""

    async def first(producer, consumer, clock):
        await send(producer, stage.topic, "a")
        await poll_all(consumer, 1)
        stage.reached("read")
        await stage.waits_for("told", clock)

    async def second(consumer, clock):
        await stage.waits_for("read", clock)
        (message,) = await poll_all(consumer, 1)
        stage.see(message.error().name())
        stage.see(await consumer.poll(0.5))
        stage.reached("told")

    return first, second


@program(29, consumer=NEXT_GENERATION | {"group.instance.id": "one"})
def a_static_place_that_was_left_is_kept_for_the_next(stage):
    """A static member that closes leaves for the time being: who comes with its group.instance.id goes on at once.
    KIP-848, "Static Membership (KIP-345)": member epoch -2"""

    async def first(producer, consumer, clock):
        await send(producer, stage.topic, "a", "b")
        (message,) = await poll_all(consumer, 1)
        await consumer.commit(message=message, asynchronous=False)
        await consumer.close()
        stage.reached("closed")

    async def second(consumer, clock):
        await stage.waits_for("closed", clock)
        stage.see(await poll_all(consumer, 1))

    return first, second


@program(26, consumer={"max.poll.interval.ms": 2000})
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


@program(28, consumer=BY_ITSELF)
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


@program(28, consumer={"enable.auto.commit": True, "auto.commit.interval.ms": 60_000})
def auto_commit_comes_before_partitions_are_given_up(stage):
    """With auto-commit, what poll has given is committed before partitions are given up, here by unsubscribing.
    librdkafka CONFIGURATION.md, enable.auto.commit; rd_kafka_assignment_serve()"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", "b")
        await poll_all(consumer, 2)
        stage.see(await consumer.committed([stage.place(0)]))
        await consumer.unsubscribe()
        await consumer.poll(0.5)
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@program(28, consumer=BY_ITSELF | {"enable.auto.offset.store": False})
def auto_commit_takes_what_was_stored(stage):
    """With enable.auto.offset.store=false, what is committed by itself is what the application has stored.
    librdkafka CONFIGURATION.md, enable.auto.offset.store; rd_kafka_offsets_store()"""

    async def both(producer, consumer, clock):
        await send(producer, stage.topic, "a", "b")
        first, _ = await poll_all(consumer, 2)
        await clock.sleep(1)
        stage.see(await consumer.committed([stage.place(0)]))
        await consumer.store_offsets(message=first)
        await clock.sleep(1)
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@program(28, consumer={"enable.auto.offset.store": False})
def a_commit_without_arguments_takes_what_was_stored(stage):
    """`commit()` commits what was stored: nothing, unless the application has stored it.
    rd_kafka_commit(offsets=NULL); librdkafka CONFIGURATION.md, enable.auto.offset.store"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", "b")
        await poll_all(consumer, 2)
        stage.see(await stage.attempt(consumer.commit(asynchronous=False)))
        await consumer.store_offsets(offsets=[stage.place(0, 1)])
        stage.see(await consumer.commit(asynchronous=False))

    return both


@program(28)
def what_the_client_stores_the_application_may_not(stage):
    """`store_offsets` needs enable.auto.offset.store=false; and the partition has to be assigned.
    rd_kafka_offsets_store(), RD_KAFKA_RESP_ERR__INVALID_ARG"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a")
        (message,) = await poll_all(consumer, 1)
        stage.see(await stage.attempt(consumer.store_offsets(message=message)))

    return both


@program(28, consumer={"enable.auto.offset.store": False})
def only_for_an_assigned_partition_is_an_offset_stored(stage):
    """Storing an offset for a partition that is not assigned is an erroneous state.
    rd_kafka_offsets_store(), RD_KAFKA_RESP_ERR__STATE"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a")
        (message,) = await poll_all(consumer, 1)
        await consumer.unsubscribe()
        await consumer.poll(0.5)
        stage.see(await stage.attempt(consumer.store_offsets(message=message)))

    return both


@program(22)
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
