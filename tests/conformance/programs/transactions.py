"""Transactions: what is written together, what a reader sees, and who is fenced."""

import uuid

from tests.conformance.stage import poll_all, program, send


def _transactional(*rules, timeout_ms=60_000, **more):
    """A program whose producer has a transactional.id that no other run has."""
    settings = {"transactional.id": f"t-{uuid.uuid4().hex[:8]}", "transaction.timeout.ms": timeout_ms}
    return program(*rules, producer=settings, **more)


@_transactional(19)
def a_marker_occupies_an_offset(stage):
    """The commit of a transaction writes a marker into each of its partitions, and the marker takes an offset.
    KIP-98, "Control messages" """

    async def both(producer, consumer):
        await producer.init_transactions(10)
        for values in (("a", "b"), ("c",)):
            await producer.begin_transaction()
            for value in values:
                await producer.produce(stage.topic, value, key=value, partition=0)
            await producer.commit_transaction(10)
            stage.see(await poll_all(consumer, len(values)))

    return both


@_transactional(19, 20)
def an_aborted_record_is_not_read(stage):
    """A read_committed consumer, librdkafka's default, does not get the records of an aborted transaction; their
    offsets and the marker's are passed over.
    KIP-98, "Consumer"; librdkafka CONFIGURATION.md, isolation.level"""

    async def both(producer, consumer):
        await producer.init_transactions(10)
        await producer.begin_transaction()
        await producer.produce(stage.topic, "a", key="a", partition=0)
        await producer.abort_transaction(10)
        await producer.begin_transaction()
        await producer.produce(stage.topic, "b", key="b", partition=0)
        await producer.commit_transaction(10)
        stage.see(await poll_all(consumer, 1))

    return both


@_transactional(20, consumer={"isolation.level": "read_uncommitted"})
def read_uncommitted_reads_what_is_aborted(stage):
    """A read_uncommitted consumer, Java's default, gets records whose transaction is open or aborted.
    https://kafka.apache.org/documentation/#consumerconfigs_isolation.level"""

    async def both(producer, consumer):
        await producer.init_transactions(10)
        await producer.begin_transaction()
        await producer.produce(stage.topic, "a", key="a", partition=0)
        await producer.flush()
        stage.see(await poll_all(consumer, 1))
        await producer.abort_transaction(10)

    return both


@_transactional(17)
def an_open_transaction_is_not_read(stage):
    """A reader stops at the last stable offset: the first record of the first transaction that is not decided.
    KIP-98, "Last Stable Offset (LSO)" """

    async def both(producer, consumer):
        await producer.init_transactions(10)
        await producer.begin_transaction()
        await producer.produce(stage.topic, "a", key="a", partition=0)
        await producer.flush()
        stage.see(await consumer.poll(1.5))
        await producer.commit_transaction(10)
        stage.see(await poll_all(consumer, 1))

    return both


@_transactional()
def a_transaction_needs_init(stage):
    """Beginning a transaction before init_transactions is an erroneous state.
    rd_kafka_begin_transaction()"""

    async def begin(producer):
        stage.see(await stage.attempt(producer.begin_transaction()))

    return begin


@_transactional()
def producing_outside_of_a_transaction_is_refused(stage):
    """A transactional producer produces only within a transaction.
    librdkafka INTRODUCTION.md, "Transactional producer API" """

    async def produce(producer):
        await producer.init_transactions(10)

        async def deliver():
            acknowledged = await producer.produce(stage.topic, "a", key="a", partition=0)
            await producer.flush()
            await acknowledged

        stage.see(await stage.attempt(deliver()))

    return produce


@_transactional(24)
def offsets_commit_with_the_transaction(stage):
    """Offsets that were sent to a transaction are committed with it, and not before; an abort leaves both the
    committed offset and the consumer's position where they were.
    KIP-447; Producer.send_offsets_to_transaction"""

    async def both(producer, consumer):
        await producer.init_transactions(10)
        await producer.begin_transaction()
        await producer.produce(stage.topic, "i", key="i", partition=0)
        await producer.commit_transaction(10)
        stage.see(await poll_all(consumer, 1))
        for end in (producer.abort_transaction, producer.commit_transaction):
            await producer.begin_transaction()
            metadata = await consumer.consumer_group_metadata()
            await producer.send_offsets_to_transaction([stage.place(0, 1)], metadata, 10)
            await end(10)
            stage.see(await consumer.committed([stage.place(0)]))
        stage.see(await consumer.poll(0.5))

    return both


@_transactional(18)
def an_open_transaction_holds_up_later_records(stage):
    """Records behind an open transaction wait with it, also those that belong to none.
    KIP-98, "Last Stable Offset (LSO)"; the plain record is written by a second producer"""

    async def first(producer, consumer, clock):
        await producer.init_transactions(10)
        await producer.begin_transaction()
        await producer.produce(stage.topic, "a", key="a", partition=0)
        await producer.flush()
        stage.reached("open")
        await stage.waits_for("behind", clock)
        stage.see(await consumer.poll(1.5))
        await producer.commit_transaction(10)
        stage.see(await poll_all(consumer, 2))

    async def second(plain, clock):
        await stage.waits_for("open", clock)
        await send(plain, stage.topic, "plain")
        stage.reached("behind")

    return first, second


@_transactional(10, 11)
def a_second_producer_fences_the_first(stage):
    """init_transactions with the same transactional.id bumps the epoch: the older producer is fenced, fatally.
    KIP-98; PRODUCER_FENCED (90), INVALID_PRODUCER_EPOCH (47); librdkafka RD_KAFKA_RESP_ERR__FENCED"""

    async def first(producer, clock):
        await producer.init_transactions(10)
        await producer.begin_transaction()
        await producer.produce(stage.topic, "a", key="a", partition=0)
        await producer.flush()
        stage.reached("open")
        await stage.waits_for("taken over", clock)
        stage.see(await stage.attempt(producer.commit_transaction(10)))

    async def second(producer, clock):
        await stage.waits_for("open", clock)
        await producer.init_transactions(10)
        stage.reached("taken over")

    return first, second


@_transactional(19, partitions=2)
def a_transaction_covers_partitions(stage):
    """A transaction's records in several partitions become readable together; each partition gets a marker.
    KIP-98, "Data flow", 5.2"""

    async def both(producer, consumer):
        await producer.init_transactions(10)
        await producer.begin_transaction()
        for partition, value in enumerate(("a", "b")):
            await producer.produce(stage.topic, value, key=value, partition=partition)
        await producer.commit_transaction(10)
        messages = await poll_all(consumer, 2)
        stage.see(sorted(messages, key=lambda message: message.partition()))
        ends = [await consumer.get_watermark_offsets(stage.place(partition)) for partition in (0, 1)]
        stage.see([(partition, end) for partition, (_, end) in enumerate(ends)])

    return both


@_transactional()
def an_empty_transaction_leaves_nothing(stage):
    """A transaction in which nothing was written ends without a marker: no offset is used.
    librdkafka: rd_kafka_commit_transaction() of an empty transaction"""

    async def both(producer, consumer):
        await producer.init_transactions(10)
        await producer.begin_transaction()
        await producer.commit_transaction(10)
        stage.see(await consumer.poll(0.5))
        stage.see(tuple(await consumer.get_watermark_offsets(stage.place(0))))

    return both


@_transactional(10)
def init_aborts_what_was_left_open(stage):
    """A producer that starts anew with the same transactional.id aborts the transaction that its predecessor left.
    KIP-98, "InitPidRequest"; TransactionCoordinator.handleInitProducerId"""

    async def first(producer, consumer, clock):
        await producer.init_transactions(10)
        await producer.begin_transaction()
        await producer.produce(stage.topic, "a", key="a", partition=0)
        await producer.flush()
        stage.see(await consumer.poll(1.0))
        stage.reached("open")
        stage.see(await poll_all(consumer, 1))

    async def second(producer, clock):
        await stage.waits_for("open", clock)
        await producer.init_transactions(10)
        await producer.begin_transaction()
        await producer.produce(stage.topic, "b", key="b", partition=0)
        await producer.commit_transaction(10)

    return first, second


@_transactional(11)
def a_fenced_producer_stays_fenced(stage):
    """Fencing is fatal: every later request of the fenced producer fails, whatever it is.
    librdkafka INTRODUCTION.md, "Fatal errors"; rd_kafka_fatal_error()"""

    async def first(producer, clock):
        await producer.init_transactions(10)
        await producer.begin_transaction()
        await producer.produce(stage.topic, "a", key="a", partition=0)
        await producer.flush()
        stage.reached("open")
        await stage.waits_for("taken over", clock)
        stage.see(await stage.attempt(producer.commit_transaction(10)))

        async def begin():
            await producer.begin_transaction()

        stage.see(await stage.attempt(begin()))

    async def second(producer, clock):
        await stage.waits_for("open", clock)
        await producer.init_transactions(10)
        stage.reached("taken over")

    return first, second


@_transactional(16, timeout_ms=1000)
def a_transaction_that_takes_too_long_is_aborted(stage):
    """After transaction.timeout.ms the coordinator aborts the transaction and fences its producer.
    TransactionCoordinator.abortTimedOutTransactions; librdkafka CONFIGURATION.md, transaction.timeout.ms"""

    async def both(producer, clock):
        await producer.init_transactions(10)
        await producer.begin_transaction()
        await producer.produce(stage.topic, "a", key="a", partition=0)
        await producer.flush()
        await clock.sleep(4)
        stage.see(await stage.attempt(producer.commit_transaction(10)))

    return both


@_transactional(16, timeout_ms=901_000)
def a_transaction_timeout_has_a_limit(stage):
    """A transaction.timeout.ms above the broker's transaction.max.timeout.ms (15 min) is refused (50).
    TransactionCoordinator.handleInitProducerId"""

    async def init(producer):
        stage.see(await stage.attempt(producer.init_transactions(10)))

    return init


@_transactional(21)
def offsets_need_an_open_transaction(stage):
    """Offsets can be sent only to a transaction that was begun.
    rd_kafka_send_offsets_to_transaction()"""

    async def send_offsets(producer, consumer):
        await producer.init_transactions(10)
        await consumer.poll(0.5)
        metadata = await consumer.consumer_group_metadata()
        sent = producer.send_offsets_to_transaction([stage.place(0, 1)], metadata, 10)
        stage.see(await stage.attempt(sent))
        stage.see(await consumer.poll(0.2))

    return send_offsets
