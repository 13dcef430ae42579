"""Producing: offsets, partitions, acknowledgements, and what happens when one of them is lost."""

from tests.conformance.stage import LOSE_REPLY, LOSE_REQUEST, Fault, poll_all, program, send


@program()
def offsets_count_from_zero(stage):
    """The offset of a record is its place in its partition: 0, 1, 2 …
    LogAppendInfo; https://kafka.apache.org/documentation/#intro_concepts_and_terms"""

    async def produce(producer):
        for value in ("a", "b", "c"):
            acknowledged = await producer.produce(stage.topic, value, key="k", partition=0)
            await producer.flush()
            stage.see(await acknowledged)

    return produce


@program(partitions=2)
def each_partition_counts_for_itself(stage):
    """Two partitions of a topic have each their own offsets.
    https://kafka.apache.org/documentation/#intro_concepts_and_terms"""

    async def produce(producer):
        for partition in (0, 1, 1, 0):
            acknowledged = await producer.produce(stage.topic, "v", key="k", partition=partition)
            await producer.flush()
            stage.see(await acknowledged)

    return produce


@program(partitions=5)
def a_key_chooses_its_partition_by_crc32(stage):
    """Without a partition the key's CRC32 chooses it, modulo the number of partitions (Java's default is murmur2).
    librdkafka CONFIGURATION.md, partitioner=consistent_random; rd_kafka_msg_partitioner_consistent"""

    async def produce(producer):
        for key in ("alice", "bob", "carol", "dave", "p1", "p2", "ä", "x" * 100):
            acknowledged = await producer.produce(stage.topic, "v", key=key)
            await producer.flush()
            stage.see(key, (await acknowledged).partition())

    return produce


@program(partitions=3)
def the_same_key_goes_to_the_same_partition(stage):
    """Records with the same key stand in one partition, in the order in which they were sent.
    https://kafka.apache.org/documentation/#intro_concepts_and_terms"""

    async def produce(producer):
        for value in ("a", "b", "c"):
            acknowledged = await producer.produce(stage.topic, value, key="alice")
            await producer.flush()
            stage.see(await acknowledged)

    return produce


@program()
def bytes_and_text_arrive_as_bytes(stage):
    """A value or key given as text arrives as its UTF-8; null stays null; empty is not null.
    https://kafka.apache.org/documentation/#recordbatch"""

    async def both(producer, consumer):
        for value, key in (("ä", "k"), (b"\x00\xff", b"k"), (None, "k"), ("", "")):
            await producer.produce(stage.topic, value, key=key, partition=0)
            await producer.flush()
        stage.see(await poll_all(consumer, 4))

    return both


@program()
def flush_waits_for_every_acknowledgement(stage):
    """After flush nothing is in flight: it gives 0, and what was produced is in the log.
    rd_kafka_flush(), librdkafka rdkafka.h"""

    async def both(producer, consumer):
        for value in ("a", "b", "c"):
            await producer.produce(stage.topic, value, key="k", partition=0)
        stage.see(await producer.flush())
        stage.see(await poll_all(consumer, 3))

    return both


@program(1, 8, fault=Fault("Produce", LOSE_REPLY))
def a_lost_acknowledgement_is_a_duplicate(stage):
    """A producer without idempotence that hears no acknowledgement sends again: the record stands in the log
    twice, and the application hears of one success.
    KIP-98, "Idempotent producer guarantees"; librdkafka INTRODUCTION.md, "Message reliability" """

    async def both(producer, consumer, clock):
        acknowledged = await producer.produce(stage.topic, "a", key="k", partition=0)
        await producer.flush()
        stage.see((await acknowledged).offset())
        await send(producer, stage.topic, "b")
        stage.see(await poll_all(consumer, 3))

    return both


@program(
    1,
    3,
    producer={"enable.idempotence": True},
    fault=Fault("Produce", LOSE_REPLY),
)
def idempotence_recognises_what_was_sent_again(stage):
    """With idempotence the broker finds the batch among the last five of this producer, and acknowledges it again
    with its first offset: the record stands in the log once.
    KIP-98; ProducerStateEntry.findDuplicateBatch, ProducerStateEntry.NUM_BATCHES_TO_RETAIN"""

    async def both(producer, consumer):
        acknowledged = await producer.produce(stage.topic, "a", key="k", partition=0)
        await producer.flush()
        stage.see((await acknowledged).offset())
        await send(producer, stage.topic, "b")
        stage.see(await poll_all(consumer, 2))
        stage.see(await poll_all(consumer, 1, most=2))

    return both


@program(
    8,
    producer={"enable.idempotence": True},
)
def what_the_application_sends_twice_stands_twice(stage):
    """Idempotence knows batches, not contents: the application's own second produce of the same record is another.
    KIP-98, "Idempotent producer guarantees" """

    async def both(producer, consumer):
        for _ in range(2):
            await producer.produce(stage.topic, "a", key="k", partition=0)
            await producer.flush()
        stage.see(await poll_all(consumer, 2))

    return both


@program()
def a_topic_that_is_not_there(stage):
    """Producing to a topic that does not exist fails, if the broker does not create topics by itself.
    librdkafka: RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART"""

    async def produce(producer):
        async def deliver():
            acknowledged = await producer.produce(f"{stage.topic}-absent", "v", key="k")
            await producer.flush()
            await acknowledged

        stage.see(str(await stage.attempt(deliver())).removeprefix("_")[:13])

    return produce


@program()
def a_partition_that_is_not_there(stage):
    """Producing to a partition that the topic does not have fails in the client.
    librdkafka: RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION"""

    async def produce(producer):
        async def deliver():
            acknowledged = await producer.produce(stage.topic, "v", key="k", partition=7)
            await producer.flush()
            await acknowledged

        stage.see(await stage.attempt(deliver()))

    return produce


@program(partitions=2)
def without_a_key_chance_chooses_the_partition(stage):
    """Without a key, or with an empty one, records are spread over the partitions at random.
    librdkafka CONFIGURATION.md, partitioner=consistent_random; rd_kafka_msg_partitioner_consistent_random"""

    async def produce(producer, clock):
        for key in (None, ""):
            found = set()
            for _ in range(16):
                acknowledged = await producer.produce(stage.topic, "v", key=key)
                await producer.flush()
                found.add((await acknowledged).partition())
                await clock.sleep(0.02)  # longer than sticky.partitioning.linger.ms
            stage.see(sorted(found))

    return produce


@program()
def the_asyncio_producer_takes_no_headers(stage):
    """`AIOProducer.produce(headers=…)` is refused: its batches cannot carry them.
    confluent_kafka.aio.AIOProducer.produce, 2.16"""

    async def produce(producer):
        stage.see(await stage.attempt(producer.produce(stage.topic, "v", headers=[("h", b"1")])))

    return produce


@program()
def what_is_too_large_is_refused(stage):
    """A message that is too large fails, and holds nothing up: who awaits its delivery hears so, flush does not.
    max.message.bytes, MESSAGE_TOO_LARGE (10); librdkafka: RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE"""

    async def produce(producer):
        for value in ("x" * 1_100_000, "a"):
            under_way = await producer.produce(stage.topic, value, key="k", partition=0)
            stage.see(await producer.flush())
            stage.see(await stage.attempt(under_way))

    return produce


@program(1, fault=Fault("Produce", LOSE_REQUEST))
def a_lost_message_is_sent_again(stage):
    """A message whose request is lost with the connection is sent again, and the application is not told.
    librdkafka CONFIGURATION.md, message.send.max.retries; INTRODUCTION.md, "Message reliability" """

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", "b")
        stage.see(await poll_all(consumer, 3, most=4))

    return both
