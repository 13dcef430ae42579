"""Only the first row of each aggregate can be taken, so SKIP LOCKED skips whole aggregates."""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

HEAD = """
    SELECT seq, aggregate_id, payload FROM outbox
    WHERE NOT sent AND error IS NULL
    AND seq = (SELECT min(seq) FROM outbox other WHERE other.aggregate_id = outbox.aggregate_id AND NOT other.sent)
    ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED
"""
SENT = "UPDATE outbox SET sent = TRUE WHERE seq = %s"
PARK = "UPDATE outbox SET error = %s WHERE seq = %s"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        async with db.transaction():
            rows = await db.execute(HEAD)
            row = await rows.fetchone()
            if row is not None:
                seq, aggregate_id, payload = row
                try:
                    await (await producer.produce("events", payload, key=aggregate_id))
                    await db.execute(SENT, (seq,))
                except KafkaException as failed:
                    error = failed.args[0]
                    if error.code() != KafkaError.MSG_SIZE_TOO_LARGE:
                        raise
                    await db.execute(PARK, (error.str(), seq))
        if row is None:
            await clock.sleep(5.0)
