"""Committing offsets: what is committed, what is not, and what an error says."""

from tests.conformance.stage import LOSE_REPLY, LOSE_REQUEST, Fault, poll_all, program, send


@program()
def a_commit_names_the_next_offset(stage):
    """The committed offset is that of the next record to read: one after the message's.
    https://kafka.apache.org/documentation/#design_consumerposition; OffsetCommitRequest"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", "b")
        message, _ = await poll_all(consumer, 2)
        stage.see(await consumer.commit(message=message, asynchronous=False))
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@program()
def nothing_is_committed_at_first(stage):
    """A group that never committed has no offset: the client says OFFSET_INVALID.
    librdkafka: RD_KAFKA_OFFSET_INVALID (-1001)"""

    async def look(consumer):
        await consumer.poll(0.3)
        stage.see(await consumer.committed([stage.place(0)]))

    return look


@program(partitions=2)
def a_commit_of_positions_covers_all_partitions(stage):
    """Without arguments a commit is of the positions of all assigned partitions that have moved.
    rd_kafka_commit(offsets=NULL)"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", "b", partition=0)
        await send(producer, stage.topic, "c", partition=1)
        await poll_all(consumer, 3)
        await consumer.commit(asynchronous=False)
        stage.see(await consumer.committed([stage.place(0), stage.place(1)]))

    return both


@program()
def a_commit_of_nothing_is_an_error(stage):
    """A commit of positions before anything was read has nothing to commit.
    librdkafka: RD_KAFKA_RESP_ERR__NO_OFFSET"""

    async def commit(consumer):
        await consumer.poll(0.5)
        stage.see(await stage.attempt(consumer.commit(asynchronous=False)))

    return commit


@program()
def a_commit_may_go_back(stage):
    """Committing a lower offset than before is allowed; the broker keeps the last that it was told.
    OffsetMetadataManager.commitOffset"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", "b", "c")
        await poll_all(consumer, 3)
        await consumer.commit(offsets=[stage.place(0, 3)], asynchronous=False)
        await consumer.commit(offsets=[stage.place(0, 1)], asynchronous=False)
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@program()
def a_commit_may_go_beyond_the_end(stage):
    """The broker does not look whether the offset exists.
    OffsetMetadataManager.commitOffset"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a")
        await poll_all(consumer, 1)
        stage.see(await consumer.commit(offsets=[stage.place(0, 50)], asynchronous=False))
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@program()
def a_commit_does_not_move_the_position(stage):
    """Committing tells the group where to go on after a restart; the consumer reads on from where it is.
    https://kafka.apache.org/documentation/#design_consumerposition"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a", "b", "c")
        await poll_all(consumer, 2)
        await consumer.commit(offsets=[stage.place(0, 0)], asynchronous=False)
        stage.see(await poll_all(consumer, 1))

    return both


@program(1, fault=Fault("CommitOffsets", LOSE_REPLY))
def a_lost_answer_to_a_commit_is_asked_for_again(stage):
    """A synchronous commit whose reply is lost with the connection is sent again by the client; offsets are
    idempotent.
    rd_kafka_cgrp_op_handle_OffsetCommit, RD_KAFKA_ERR_ACTION_RETRY"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a")
        (message,) = await poll_all(consumer, 1)
        reply = await stage.attempt(consumer.commit(message=message, asynchronous=False))
        stage.see(reply if isinstance(reply, str) else "committed")
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@program(1, fault=Fault("CommitOffsets", LOSE_REQUEST))
def a_lost_commit_is_sent_again(stage):
    """A synchronous commit that was lost with the connection is sent again by the client.
    rd_kafka_cgrp_op_handle_OffsetCommit, RD_KAFKA_ERR_ACTION_RETRY"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a")
        (message,) = await poll_all(consumer, 1)
        reply = await stage.attempt(consumer.commit(message=message, asynchronous=False))
        stage.see(reply if isinstance(reply, str) else "committed")
        stage.see(await consumer.committed([stage.place(0)]))

    return both


@program(partitions=2)
def a_commit_of_a_partition_that_is_not_there(stage):
    """A commit for a partition that the topic does not have is refused.
    OffsetCommitResponse, UNKNOWN_TOPIC_OR_PARTITION (3)"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a")
        await poll_all(consumer, 1)
        stage.see(await stage.attempt(consumer.commit(offsets=[stage.place(9, 1)], asynchronous=False)))

    return both


@program()
def message_and_offsets_exclude_each_other(stage):
    """A commit takes a message or offsets, not both.
    confluent_kafka.Consumer.commit"""

    async def both(producer, consumer):
        await send(producer, stage.topic, "a")
        (message,) = await poll_all(consumer, 1)
        stage.see(await stage.attempt(consumer.commit(message=message, offsets=[stage.place(0, 1)])))

    return both
