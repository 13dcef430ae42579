"""Consuming: poll, positions, seek, and what a consumer without a position does."""

from tests.conformance.stage import poll_all, program, send

from unreliable.clients.confluent_kafka import OFFSET_BEGINNING, OFFSET_END


@program()
def a_partition_is_read_in_its_order(stage):
    """A consumer gets the records of a partition in the order of their offsets, each once.
    https://kafka.apache.org/documentation/#design_consumerposition"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", "b", "c")
        stage.see(await poll_all(consumer, 3))
        stage.see(await consumer.poll(0.3))

    return both


@program()
def a_poll_in_vain_is_none(stage):
    """When the timeout is over and no record has come, poll gives None.
    https://docs.confluent.io/platform/current/clients/confluent-kafka-python/html/, Consumer.poll"""

    async def poll(consumer):
        stage.see(await consumer.poll(0.2))

    return poll


@program()
def a_batch_is_what_is_there(stage):
    """`consume(n)` gives up to n records; fewer when the timeout is over; none is an empty list.
    https://docs.confluent.io/platform/current/clients/confluent-kafka-python/html/, Consumer.consume"""

    async def both(producer, consumer):
        stage.see(await consumer.consume(2, timeout=0.2))
        await send(producer, stage.topic, "a", "b", "c")
        found = []
        while len(found) < 3:
            found += await consumer.consume(2, timeout=1.0)
        stage.see(found)

    return both


@program()
def a_seek_moves_the_position(stage):
    """After a seek the next poll reads from that offset, forwards or backwards; what is committed stays.
    KafkaConsumer.seek; rd_kafka_seek_partitions()"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", "b", "c")
        stage.see(await poll_all(consumer, 3))
        await consumer.seek(stage.place(0, 1))
        stage.see(await poll_all(consumer, 1))
        await consumer.seek(stage.place(0, 0))
        stage.see(await poll_all(consumer, 1))
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@program()
def a_seek_to_the_beginning_and_to_the_end(stage):
    """OFFSET_BEGINNING and OFFSET_END are positions too: the first record there is, and the next there will be.
    librdkafka: RD_KAFKA_OFFSET_BEGINNING, RD_KAFKA_OFFSET_END"""

    async def both(producer, consumer, clock):
        await send(producer, stage.topic, "a", "b")
        await poll_all(consumer, 2)
        await consumer.seek(stage.place(0, OFFSET_BEGINNING))
        stage.see(await poll_all(consumer, 1))
        await consumer.seek(stage.place(0, OFFSET_END))
        stage.see(await consumer.poll(1.0))
        await send(producer, stage.topic, "c")
        stage.see(await poll_all(consumer, 1))

    return both


@program()
def a_seek_without_the_partition_is_an_error(stage):
    """Only assigned partitions have a position: a seek before the first assignment is to an unknown partition.
    librdkafka: rd_kafka_seek(), RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION"""

    async def seek(consumer):
        stage.see(await stage.attempt(consumer.seek(stage.place(0, 0))))

    return seek


@program(2)
def a_position_behind_the_end_is_reset(stage):
    """A position that the log has not reached is out of range; auto.offset.reset=earliest reads from the start.
    OFFSET_OUT_OF_RANGE (1); librdkafka CONFIGURATION.md, auto.offset.reset"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", "b")
        await poll_all(consumer, 2)
        await consumer.seek(stage.place(0, 100))
        stage.see(await poll_all(consumer, 2))

    return both


@program(partitions=2)
def the_only_member_has_all_partitions(stage):
    """A group's only member is assigned every partition of its topics.
    https://kafka.apache.org/documentation/#intro_consumers"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", partition=0)
        await poll_all(consumer, 1)
        stage.see(sorted([tp.partition for tp in await consumer.assignment()]))

    return both


@program()
def nothing_is_assigned_before_the_first_poll(stage):
    """Assignments are taken over by poll: a consumer that has not polled has no partitions.
    KafkaConsumer.poll; https://kafka.apache.org/documentation/#consumerapi"""

    async def look(consumer):
        stage.see(await consumer.assignment())

    return look


@program(consumer={"auto.offset.reset": "latest"})
def latest_begins_at_the_end(stage):
    """A group without a committed offset begins, with auto.offset.reset=latest, at what comes next.
    https://kafka.apache.org/documentation/#consumerconfigs_auto.offset.reset"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "old")
        for _ in range(20):
            if await consumer.assignment():
                break
            await consumer.poll(0.3)
        stage.see(await consumer.poll(1.0))
        await send(producer, stage.topic, "new")
        stage.see(await poll_all(consumer, 1))

    return both


@program(consumer={"auto.offset.reset": "error"})
def no_position_can_be_an_error(stage):
    """With auto.offset.reset=error, a partition without a committed offset gives an error instead of records.
    librdkafka: RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a")
        stage.see(await poll_all(consumer, 1))

    return both


@program()
def the_position_is_the_next_offset(stage):
    """`position` is one after the last record that poll gave, and no offset before the first.
    rd_kafka_position()"""

    async def both(producer, consumer):
        stage.see(await consumer.position([stage.place(0)]))
        await send(producer, stage.topic, "a", "b")
        await poll_all(consumer, 2)
        stage.see(await consumer.position([stage.place(0)]))
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@program()
def a_paused_partition_gives_nothing(stage):
    """A paused partition stays assigned and gives no records until it is resumed.
    KafkaConsumer.pause; rd_kafka_pause_partitions()"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a")
        await poll_all(consumer, 1)
        await consumer.pause([stage.place(0)])
        await send(producer, stage.topic, "b")
        stage.see(await consumer.poll(1.0))
        await consumer.resume([stage.place(0)])
        stage.see(await poll_all(consumer, 1))

    return both


@program()
def after_a_seek_there_is_no_position_until_something_is_read(stage):
    """`position` tells what poll gave last: after a seek nothing, until the next record has come.
    rd_kafka_position(), rd_kafka_seek_partitions()"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", "b", "c")
        await poll_all(consumer, 3)
        await consumer.seek(stage.place(0, 1))
        stage.see(await consumer.position([stage.place(0)]))
        await poll_all(consumer, 1)
        stage.see(await consumer.position([stage.place(0)]))

    return both


@program(partitions=2)
def only_the_paused_partition_gives_nothing(stage):
    """Pausing one partition leaves the others; who is resumed goes on where it was.
    KafkaConsumer.pause; rd_kafka_pause_partitions()"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", partition=0)
        await poll_all(consumer, 1)
        await consumer.pause([stage.place(0)])
        await send(producer, stage.topic, "b", partition=0)
        await send(producer, stage.topic, "c", partition=1)
        stage.see(await poll_all(consumer, 2, most=3))
        await consumer.resume([stage.place(0)])
        stage.see(await poll_all(consumer, 1))

    return both
