"""When somebody has mended the one row that was wrong, the others are parked for ever.

Fails: test_what_was_parked_is_mended
"""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

UNSENT = """
    SELECT seq, aggregate_id, payload FROM outbox
    WHERE NOT sent AND aggregate_id NOT IN (SELECT aggregate_id FROM outbox WHERE error IS NOT NULL AND NOT sent)
    ORDER BY seq LIMIT 1
"""
SENT = "UPDATE outbox SET sent = TRUE WHERE seq = %s"
PARKED = "UPDATE outbox SET error = %s WHERE aggregate_id = %s"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        async with db.transaction():
            await db.execute("SELECT id FROM relay_lock FOR UPDATE")
            rows = await db.execute(UNSENT)
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
                    await db.execute(PARKED, (error.str(), aggregate_id))
        if row is None:
            await clock.sleep(5.0)
