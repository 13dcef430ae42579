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
                if sorted(held.values()) == [[0], [1]]:
                    break
            if name == "first":
                stage.see(sorted(held.values()))

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
