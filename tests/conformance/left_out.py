"""Rules of Kafka's that no program compares, and why: the reference page lists them."""

LEFT_OUT = (
    (
        "Too few replicas: NOT_ENOUGH_REPLICAS before the append, NOT_ENOUGH_REPLICAS_AFTER_APPEND after it.",
        "ReplicaManager.appendRecords; Partition.appendRecordsToLeader",
        "The lab has one broker, and the model has no replication.",
    ),
    (
        "A batch out of sequence is refused with OUT_OF_ORDER_SEQUENCE_NUMBER (45).",
        "ProducerAppendInfo.checkSequence",
        "librdkafka never sends one: only a client that breaks the protocol would see it.",
    ),
    (
        "Sequence numbers wrap at 2³¹.",
        "DefaultRecordBatch.incrementSequence",
        "Two billion records are beyond a test.",
    ),
    (
        "A producer's state expires after producer.id.expiration.ms (24 h).",
        "ProducerStateManager.removeExpiredProducers",
        "No exercise runs for a day; with default settings no learner meets it.",
    ),
    (
        "With version 2 of transactions every end brings the next epoch, so no end can hit a later transaction.",
        "KIP-890; EndTxnRequest 5",
        "The Python client speaks version 1 (librdkafka 2.16 sends EndTxn 1). The model has both versions.",
    ),
    (
        "What the broker refuses because the producer was fenced is told to whoever awaits the delivery.",
        "librdkafka: RD_KAFKA_RESP_ERR__FENCED",
        "AIOProducer 2.16 raises SystemError from `flush`, and the delivery is never told of. The model tells it.",
    ),
    (
        "A member of a KIP-848 group with an older epoch is refused: FENCED_MEMBER_EPOCH (110), or "
        "STALE_MEMBER_EPOCH (113) for a commit.",
        "KIP-848; ConsumerGroup.validateMemberEpoch, validateOffsetCommit",
        "A client that keeps to the protocol does not provoke it on demand; unit tests of the model do.",
    ),
    (
        "Since 4.3 a commit with an older epoch is accepted for what the member had been assigned by then.",
        "KIP-1251",
        "The model has groups as they were before it.",
    ),
    (
        "Offsets of an empty group expire after seven days.",
        "offsets.retention.minutes",
        "No exercise runs for a week.",
    ),
)
