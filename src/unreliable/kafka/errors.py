"""What the broker or the client library refuses, as the client's KafkaException; texts are librdkafka's."""

from unreliable.clients.confluent_kafka import (
    ERRONEOUS_STATE,
    INVALID_ARGUMENT,
    MSG_TIMED_OUT,
    NO_OFFSET,
    UNKNOWN_PARTITION,
    UNKNOWN_TOPIC,
    KafkaError,
)
from unreliable.requests import Failure


def kafka_failure(code: int, reason: str) -> Failure:
    return Failure("KafkaException", (code, reason))


TIMED_OUT = kafka_failure(KafkaError.REQUEST_TIMED_OUT, "Broker: Request timed out")
NOT_DELIVERED = kafka_failure(MSG_TIMED_OUT, "Local: Message timed out")
TOO_LARGE = kafka_failure(KafkaError.MSG_SIZE_TOO_LARGE, "Broker: Message size too large")
NOT_A_MEMBER = kafka_failure(KafkaError.UNKNOWN_MEMBER_ID, "Broker: Unknown member")
NOTHING_TO_COMMIT = kafka_failure(NO_OFFSET, "Local: No offset stored")
NO_SUCH_PARTITION = kafka_failure(KafkaError.UNKNOWN_TOPIC_OR_PART, "Broker: Unknown topic or partition")
PARTITION_UNKNOWN_HERE = kafka_failure(UNKNOWN_PARTITION, "Local: Unknown partition")
TOPIC_UNKNOWN_HERE = kafka_failure(UNKNOWN_TOPIC, "Local: Unknown topic")
NOT_NOW = kafka_failure(ERRONEOUS_STATE, "Local: Erroneous state")
NOT_VALID = kafka_failure(INVALID_ARGUMENT, "Local: Invalid argument or configuration")
