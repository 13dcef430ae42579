"""What the broker or the client library refuses, as the client's KafkaException; texts are librdkafka's."""

from unreliable.clients.confluent_kafka import (
    CONFLICT,
    ERRONEOUS_STATE,
    FATAL,
    FENCED_LOCALLY,
    INCONSISTENT,
    INVALID_ARGUMENT,
    MSG_TIMED_OUT,
    NO_OFFSET,
    NOT_CONFIGURED,
    TIMED_OUT_LOCALLY,
    UNKNOWN_PARTITION,
    UNKNOWN_TOPIC,
    KafkaError,
)
from unreliable.requests import Failure


def kafka_failure(code: int, reason: str, kind: str = "") -> Failure:
    """`kind` is that of a transactional producer's error: fatal, retriable, or abort."""
    return Failure("KafkaException", (code, reason, kind) if kind else (code, reason))


def of_kind(failure: Failure, kind: str) -> Failure:
    """The same failure, as one of this kind."""
    return Failure(failure.error, (*failure.arguments[:2], kind))


# What the broker answers a transactional producer: librdkafka's text for it.
REFUSALS = {
    KafkaError.INVALID_TXN_STATE: "Broker: Producer attempted a transactional operation in an invalid state",
    KafkaError.INVALID_PRODUCER_ID_MAPPING: "Broker: Producer attempted to use a producer id which is not "
    "currently assigned to its transactional id",
    KafkaError.INVALID_TRANSACTION_TIMEOUT: "Broker: Transaction timeout is larger than the maximum value "
    "allowed by the broker's max.transaction.timeout.ms",
    KafkaError.OUT_OF_ORDER_SEQUENCE_NUMBER: "Broker: Broker received an out of order sequence number",
}


TIMED_OUT = kafka_failure(KafkaError.REQUEST_TIMED_OUT, "Broker: Request timed out")
NOT_DELIVERED = kafka_failure(MSG_TIMED_OUT, "Local: Message timed out")
TOO_LARGE = kafka_failure(KafkaError.MSG_SIZE_TOO_LARGE, "Broker: Message size too large")
NOT_A_MEMBER = kafka_failure(KafkaError.UNKNOWN_MEMBER_ID, "Broker: Unknown member")
OLD_GENERATION = kafka_failure(KafkaError.ILLEGAL_GENERATION, "Broker: Specified group generation id is not valid")
REBALANCING = kafka_failure(KafkaError.REBALANCE_IN_PROGRESS, "Broker: Group rebalance in progress")
FENCED = kafka_failure(
    KafkaError.FENCED_INSTANCE_ID,
    "Broker: Static consumer fenced by other consumer with same group.instance.id",
)
FENCED_FATALLY = kafka_failure(FATAL, f"Fatal error: {FENCED.arguments[1]}")
FENCED_EPOCH = kafka_failure(
    KafkaError.FENCED_MEMBER_EPOCH, "Broker: The member epoch is fenced by the group coordinator"
)
STALE_EPOCH = kafka_failure(KafkaError.STALE_MEMBER_EPOCH, "Broker: The member epoch is stale")
UNRELEASED = kafka_failure(
    KafkaError.UNRELEASED_INSTANCE_ID,
    "Broker: The instance ID is still used by another member in the consumer group",
)
NOTHING_TO_COMMIT = kafka_failure(NO_OFFSET, "Local: No offset stored")
NO_SUCH_PARTITION = kafka_failure(KafkaError.UNKNOWN_TOPIC_OR_PART, "Broker: Unknown topic or partition")
PARTITION_UNKNOWN_HERE = kafka_failure(UNKNOWN_PARTITION, "Local: Unknown partition")
TOPIC_UNKNOWN_HERE = kafka_failure(UNKNOWN_TOPIC, "Local: Unknown topic")
NOT_NOW = kafka_failure(ERRONEOUS_STATE, "Local: Erroneous state")
NOT_VALID = kafka_failure(INVALID_ARGUMENT, "Local: Invalid argument or configuration")
NOT_TRANSACTIONAL = kafka_failure(
    NOT_CONFIGURED, "The Transactional API requires transactional.id to be configured"
)
FENCED_PRODUCER = kafka_failure(
    FENCED_LOCALLY, "Local: This instance has been fenced by a newer instance", "fatal"
)
PRODUCER_HAS_FAILED = kafka_failure(FATAL, "Local: Fatal error")
STILL_UNDER_WAY = kafka_failure(CONFLICT, "Conflicting API call is already in progress", "retriable")
NO_ANSWER = kafka_failure(
    TIMED_OUT_LOCALLY, "Timed out waiting for operation to finish, retry call to resume", "retriable"
)
NO_ANSWER_TO_OFFSETS = kafka_failure(TIMED_OUT_LOCALLY, "Transactional API operation timed out", "abort")
SOME_UNDELIVERED = kafka_failure(
    INCONSISTENT, "Some messages failed delivery (see individual delivery reports)", "abort"
)
