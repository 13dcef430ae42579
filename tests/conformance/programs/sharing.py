"""Share groups: records are locked, acknowledged, released and given up one by one."""

from tests.conformance.stage import program, send

ACCEPT, RELEASE, REJECT = 1, 2, 3
BY_THEMSELVES = {"share.record.lock.duration.ms": 15_000}
EXPLICIT = BY_THEMSELVES | {"share.acknowledgement.mode": "explicit"}


async def batch(share_consumer, most=40):
    """What the next poll gives that gives anything."""
    for _ in range(most):
        messages = await share_consumer.poll(0.5)
        if messages:
            return messages
    return []


def counted(messages):
    """Offsets and delivery counts."""
    return [(message.offset(), message.delivery_count()) for message in messages]


async def committed(share_consumer):
    """What a commit says of each partition."""
    found = await share_consumer.commit_sync()
    return [(place.partition, failure and failure.args[0].name()) for place, failure in found.items()]


@program(32, consumer=EXPLICIT)
def each_record_is_acknowledged_by_itself(stage):
    """A record is accepted, released for another delivery, or rejected for good; each delivery is counted.
    KIP-932, "Acknowledging records"; confluent_kafka.ShareConsumer.acknowledge"""

    async def both(producer, share_consumer):
        await send(producer, stage.topic, "a", "b", "c")
        messages = await batch(share_consumer)
        stage.see(counted(messages))
        for message, kind in zip(messages, (ACCEPT, RELEASE, REJECT), strict=True):
            share_consumer.acknowledge(message, kind)
        stage.see(await committed(share_consumer))
        messages = await batch(share_consumer)
        stage.see(counted(messages))
        share_consumer.acknowledge(messages[0])
        stage.see(await committed(share_consumer))
        stage.see(await committed(share_consumer))

    return both


@program(32, consumer=EXPLICIT)
def a_late_acknowledgement_is_invalid(stage):
    """When the lock's time is over another is given the record; acknowledging it then fails.
    KIP-932, "In-flight records"; INVALID_RECORD_STATE (121)"""

    async def first(producer, share_consumer, clock):
        await send(producer, stage.topic, "a")
        (message,) = await batch(share_consumer)
        stage.see("first", message.delivery_count())
        stage.reached("acquired")
        await clock.sleep(17)
        share_consumer.acknowledge(message)
        stage.see(await committed(share_consumer))

        stage.reached("tried")

    async def second(share_consumer, clock):
        await stage.waits_for("acquired", clock)
        messages = await batch(share_consumer, most=60)
        stage.see("second", counted(messages))
        await stage.waits_for("tried", clock)
        share_consumer.acknowledge(messages[0])
        stage.see(await committed(share_consumer))

    return first, second


@program(32, consumer=EXPLICIT)
def what_is_done_with_may_be_acknowledged_late(stage):
    """A late acknowledgement of what another has dealt with, like all before it, is passed over in silence.
    SharePartition.acknowledge: offsets before the start offset"""

    async def first(producer, share_consumer, clock):
        await send(producer, stage.topic, "a")
        (message,) = await batch(share_consumer)
        stage.reached("acquired")
        await clock.sleep(17)
        await stage.waits_for("done", clock)
        share_consumer.acknowledge(message)
        stage.see("first", await committed(share_consumer))

    async def second(share_consumer, clock):
        await stage.waits_for("acquired", clock)
        messages = await batch(share_consumer, most=60)
        share_consumer.acknowledge(messages[0])
        stage.see("second", await committed(share_consumer))
        stage.reached("done")

    return first, second


@program(32, consumer=EXPLICIT)
def the_next_poll_wants_all_acknowledged(stage):
    """With explicit acknowledgement a poll is an illegal state as long as a record of the last one has none.
    confluent_kafka.ShareConsumer.poll; IllegalStateException"""

    async def both(producer, share_consumer):
        await send(producer, stage.topic, "a")
        (message,) = await batch(share_consumer)
        stage.see(await stage.attempt(share_consumer.poll(0.5)))
        share_consumer.acknowledge(message)
        stage.see(await share_consumer.poll(0.5))

    return both


@program(32, consumer=EXPLICIT)
def what_was_not_acknowledged_is_released_by_closing(stage):
    """A consumer that closes lets others have what it has not acknowledged.
    KIP-932, "Share sessions"; confluent_kafka.ShareConsumer.close"""

    async def first(producer, share_consumer):
        await send(producer, stage.topic, "a", "b")
        messages = await batch(share_consumer)
        share_consumer.acknowledge(messages[0])
        await share_consumer.close()
        stage.reached("closed")

    async def second(share_consumer, clock):
        await stage.waits_for("closed", clock)
        messages = await batch(share_consumer)
        stage.see(counted(messages))
        for message in messages:
            share_consumer.acknowledge(message)
        await share_consumer.commit_sync()

    return first, second


@program(32, consumer=BY_THEMSELVES)
def the_next_poll_accepts_what_the_last_one_gave(stage):
    """With implicit acknowledgement, the default, the next poll accepts all that the last one gave.
    confluent_kafka.ShareConsumer, share.acknowledgement.mode"""

    async def first(producer, share_consumer):
        await send(producer, stage.topic, "a")
        stage.see(counted(await batch(share_consumer)))
        await share_consumer.poll(0.5)
        await share_consumer.close()
        await send(producer, stage.topic, "b")
        stage.reached("closed")

    async def second(share_consumer, clock):
        await stage.waits_for("closed", clock)
        stage.see(counted(await batch(share_consumer)))

    return first, second


@program(32, consumer=BY_THEMSELVES)
def closing_does_not_accept_by_itself(stage):
    """With implicit acknowledgement, what the last poll gave is not accepted by closing: it comes again.
    confluent_kafka.ShareConsumer.close"""

    async def first(producer, share_consumer):
        await send(producer, stage.topic, "a")
        stage.see(counted(await batch(share_consumer)))
        await share_consumer.close()
        await send(producer, stage.topic, "b")
        stage.reached("closed")

    async def second(share_consumer, clock):
        await stage.waits_for("closed", clock)
        stage.see(sorted(counted(await batch(share_consumer))))

    return first, second


@program(32, consumer=EXPLICIT)
def after_five_deliveries_a_record_is_given_up(stage):
    """A record that was released five times is not delivered any more.
    KIP-932, group.share.delivery.count.limit"""

    async def both(producer, share_consumer):
        await send(producer, stage.topic, "a")
        for _ in range(5):
            messages = await batch(share_consumer)
            stage.see(counted(messages))
            share_consumer.acknowledge(messages[0], RELEASE)
            await share_consumer.commit_sync()
        await send(producer, stage.topic, "b")
        messages = await batch(share_consumer)
        stage.see(counted(messages))
        share_consumer.acknowledge(messages[0])

    return both


@program(32, consumer=EXPLICIT)
def what_failed_often_comes_alone(stage):
    """Records that were delivered three times already are delivered one by one, so that one fails for itself.
    SharePartition.throttleRecordsDeliveryLimit"""

    async def both(producer, share_consumer):
        await send(producer, stage.topic, "a", "b")
        for _ in range(4):
            messages = await batch(share_consumer)
            stage.see(counted(messages))
            for message in messages:
                share_consumer.acknowledge(message, RELEASE)
            await share_consumer.commit_sync()

    return both
