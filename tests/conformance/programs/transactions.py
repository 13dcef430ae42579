"""Transactions: what is written together, what a reader sees, and who is fenced."""

import uuid

from tests.conformance.stage import DUPLICATE, LOSE_REPLY, LOSE_REQUEST, Fault, poll_all, program, send


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


async def _open(stage, producer, value="a"):
    """Begins a transaction and writes to it."""
    await producer.begin_transaction()
    acknowledged = await producer.produce(stage.topic, value, key=value, partition=0)
    await producer.flush()
    await acknowledged


def _ends(stage, end):
    """A program that ends its transaction by `end`; what it hears, and what is to be read then."""

    async def both(producer, consumer):
        await producer.init_transactions(10)
        await _open(stage, producer)
        stage.see(await stage.attempt(getattr(producer, end)(10)))
        await _open(stage, producer, "b")
        stage.see(await stage.attempt(producer.commit_transaction(10)))
        stage.see(await poll_all(consumer, 2, most=4))

    return both


@_transactional(12, fault=Fault("EndTransaction", LOSE_REPLY))
def a_lost_answer_to_a_commit_of_a_transaction(stage):
    """The commit of a transaction whose answer is lost with the connection is sent again, and recognised: the
    application is not told.
    TransactionCoordinator.endTransaction, CompleteCommit; rd_kafka_txn_handle_EndTxn"""
    return _ends(stage, "commit_transaction")


@_transactional(12, fault=Fault("EndTransaction", LOSE_REQUEST))
def a_lost_commit_of_a_transaction(stage):
    """The commit of a transaction that is lost with the connection is sent again: the application is not told.
    rd_kafka_txn_handle_EndTxn"""
    return _ends(stage, "commit_transaction")


@_transactional(12, fault=Fault("EndTransaction", LOSE_REPLY))
def a_lost_answer_to_an_abort(stage):
    """The abort of a transaction whose answer is lost with the connection is sent again, and recognised.
    TransactionCoordinator.endTransaction, CompleteAbort; rd_kafka_txn_handle_EndTxn"""
    return _ends(stage, "abort_transaction")


def _unanswered(stage):
    async def both(producer, consumer):
        await producer.init_transactions(10)
        await _open(stage, producer)
        stage.see(await stage.attempt(producer.commit_transaction(2)))
        stage.see(await stage.attempt(producer.abort_transaction(2)))
        stage.see(await stage.attempt(producer.begin_transaction()))
        stage.mend()
        stage.see(await stage.attempt(producer.commit_transaction(10)))
        stage.see(await poll_all(consumer, 1))
        stage.see(await stage.attempt(producer.begin_transaction()))

    return both


@_transactional(12, fault=Fault("EndTransaction", LOSE_REPLY, lasts=True))
def an_unanswered_commit_of_a_transaction(stage):
    """A commit that is not answered in time is retriable: commit_transaction goes on with it, all else is a
    conflict. The broker had committed.
    librdkafka INTRODUCTION.md, "Retriable errors"; rd_kafka_txn_curr_api_retriable_timeout_cb"""
    return _unanswered(stage)


@_transactional(12, fault=Fault("EndTransaction", LOSE_REQUEST, lasts=True))
def a_commit_of_a_transaction_that_does_not_arrive(stage):
    """A commit that does not arrive looks the same to the application as one whose answer is lost: asking again
    tells.
    librdkafka INTRODUCTION.md, "Retriable errors"; rd_kafka_txn_curr_api_retriable_timeout_cb"""
    return _unanswered(stage)


@_transactional(15, fault=Fault("EndTransaction", DUPLICATE))
def a_commit_that_comes_twice_commits_the_next_transaction(stage):
    """A commit that the network delivers once more, and late, commits the next transaction of the same producer:
    the Python client speaks version 1 of transactions, whose epoch does not change from one to the next. The abort
    of that transaction is then refused, fatally.
    KIP-890, "Motivation"; EndTxnRequest 1, librdkafka 2.16"""

    async def both(producer, consumer):
        await producer.init_transactions(10)
        await _open(stage, producer)
        await producer.commit_transaction(10)
        await _open(stage, producer, "never to be read")
        await stage.deliver_late()
        stage.see(await poll_all(consumer, 2, most=6))
        stage.see(await stage.attempt(producer.abort_transaction(10)))

    return both


async def _joined(consumer, count, most=100):
    """Polls until the consumer has so many partitions."""
    for _ in range(most):
        await consumer.poll(0.1)
        if len(await consumer.assignment()) == count:
            return


@_transactional(21, partitions=2)
def offsets_of_an_older_generation_are_refused(stage):
    """Offsets with the metadata of an older generation of the group are refused, and the transaction requires an
    abort. With the present metadata they are taken.
    KIP-447; GroupMetadataManager, validateTransactionalOffsetCommit; ILLEGAL_GENERATION (22)"""

    async def first(producer, consumer, clock):
        await producer.init_transactions(10)
        await _joined(consumer, 2)
        old = await consumer.consumer_group_metadata()
        stage.reached("first")
        await _joined(consumer, 1)
        await _open(stage, producer)
        offsets = [stage.place(0, 1)]
        stage.see(await stage.attempt(producer.send_offsets_to_transaction(offsets, old, 10)))
        stage.see(await stage.attempt(producer.commit_transaction(10)))
        stage.see(await stage.attempt(producer.begin_transaction()))
        stage.see(await stage.attempt(producer.abort_transaction(10)))
        await _open(stage, producer, "b")
        new = await consumer.consumer_group_metadata()
        stage.see(await stage.attempt(producer.send_offsets_to_transaction(offsets, new, 10)))
        stage.see(await stage.attempt(producer.commit_transaction(10)))
        stage.see(await consumer.committed(offsets))
        stage.reached("over")

    async def second(consumer, clock):
        await stage.waits_for("first", clock)
        await _joined(consumer, 1)
        while "over" not in stage.marks:
            await consumer.poll(0.2)

    return first, second


@_transactional(21)
def offsets_of_who_has_left_are_refused(stage):
    """Offsets with the metadata of a member that has left are refused, and the transaction requires an abort.
    KIP-447; UNKNOWN_MEMBER_ID (25)"""

    async def both(producer, consumer):
        await producer.init_transactions(10)
        await _joined(consumer, 1)
        metadata = await consumer.consumer_group_metadata()
        await consumer.close()
        await _open(stage, producer)
        stage.see(await stage.attempt(producer.send_offsets_to_transaction([stage.place(0, 1)], metadata, 10)))
        stage.see(await stage.attempt(producer.abort_transaction(10)))

    return both


@_transactional(22)
def metadata_of_who_never_joined_fences_nobody(stage):
    """Offsets with the metadata of a consumer that has not joined are taken, even if the group has members.
    KIP-447, "Compatibility"; TxnOffsetCommit with generation -1"""

    async def member(consumer, clock):
        await _joined(consumer, 1)
        stage.reached("member")
        await stage.waits_for("over", clock)
        stage.see(await consumer.committed([stage.place(0)]))

    async def stranger(producer, consumer, clock):
        await producer.init_transactions(10)
        metadata = await consumer.consumer_group_metadata()
        await stage.waits_for("member", clock)
        await producer.begin_transaction()
        stage.see(await stage.attempt(producer.send_offsets_to_transaction([stage.place(0, 7)], metadata, 10)))
        stage.see(await stage.attempt(producer.commit_transaction(10)))
        stage.reached("over")

    return member, stranger


@_transactional(23)
def pending_offsets_hold_up_the_next_member(stage):
    """As long as a transaction is about to commit an offset, who is assigned the partition does not read it: the
    committed offset is not stable.
    KIP-447, "UNSTABLE_OFFSET_COMMIT" (88); OffsetFetchRequest.requireStable"""

    async def first(producer, consumer, clock):
        await producer.init_transactions(10)
        await _open(stage, producer)
        await producer.commit_transaction(10)
        await poll_all(consumer, 1)
        await producer.begin_transaction()
        metadata = await consumer.consumer_group_metadata()
        await producer.send_offsets_to_transaction([stage.place(0, 1)], metadata, 10)
        await consumer.close()
        stage.reached("pending")
        await stage.waits_for("in vain", clock)
        await producer.abort_transaction(10)

    async def second(consumer, clock):
        await stage.waits_for("pending", clock)
        await _joined(consumer, 1)
        stage.see(await consumer.poll(1.0))
        stage.reached("in vain")
        stage.see(await poll_all(consumer, 1))

    return first, second


@_transactional(23)
def a_commit_after_pending_offsets_holds(stage):
    """Of the offsets of a transaction and a commit outside of it that was written later, the commit holds,
    although the transaction ends after it.
    OffsetMetadataManager.completeTransaction; OffsetAndMetadata.recordOffset"""

    async def both(producer, consumer):
        await producer.init_transactions(10)
        await _joined(consumer, 1)
        await producer.begin_transaction()
        metadata = await consumer.consumer_group_metadata()
        await producer.send_offsets_to_transaction([stage.place(0, 1)], metadata, 10)
        await consumer.commit(offsets=[stage.place(0, 5)], asynchronous=False)
        await producer.commit_transaction(10)
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@_transactional(24)
def an_abort_does_not_rewind(stage):
    """After an abort the consumer goes on where it was: to read the records again it has to seek.
    KafkaProducer.abortTransaction; KIP-447"""

    async def first(producer, consumer, clock):
        await producer.init_transactions(10)
        for value in ("a", "b"):
            await _open(stage, producer, value)
            await producer.commit_transaction(10)
        stage.see(await poll_all(consumer, 1))
        await producer.begin_transaction()
        metadata = await consumer.consumer_group_metadata()
        await producer.send_offsets_to_transaction([stage.place(0, 1)], metadata, 10)
        await producer.abort_transaction(10)
        stage.see(await poll_all(consumer, 1))
        await consumer.seek(stage.place(0, 0))
        stage.see(await poll_all(consumer, 1))

    return first
