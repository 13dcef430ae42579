"""The next one has the lock before the row is marked, and publishes it again.

Fails: test_a_relay_that_starts_later
"""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

LOCK = "SELECT id FROM relay_lock FOR UPDATE"
NEXT = """
    SELECT seq, aggregate_id, payload FROM outbox
    WHERE NOT sent AND aggregate_id NOT IN (SELECT aggregate_id FROM outbox WHERE error IS NOT NULL AND NOT sent)
    ORDER BY seq LIMIT 1
"""
SENT = "UPDATE outbox SET sent = TRUE WHERE seq = %s"
PARK = "UPDATE outbox SET error = %s WHERE seq = %s"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        published = False
        async with db.transaction():
            await db.execute(LOCK)
            rows = await db.execute(NEXT)
            row = await rows.fetchone()
            if row is not None:
                seq, aggregate_id, payload = row
                try:
                    await (await producer.produce("events", payload, key=aggregate_id))
                    published = True
                except KafkaException as failed:
                    error = failed.args[0]
                    if error.code() != KafkaError.MSG_SIZE_TOO_LARGE:
                        raise
                    await db.execute(PARK, (error.str(), seq))
        if published:
            await db.execute(SENT, (seq,))
        if row is None:
            await clock.sleep(5.0)
