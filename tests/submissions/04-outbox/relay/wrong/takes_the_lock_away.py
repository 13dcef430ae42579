"""A lock that is a row which is deleted and put back is held for ever by who has crashed.

Fails: test_a_crash_at_every_await
"""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

NEXT = """
    SELECT seq, aggregate_id, payload FROM outbox
    WHERE NOT sent AND aggregate_id NOT IN (SELECT aggregate_id FROM outbox WHERE error IS NOT NULL AND NOT sent)
    ORDER BY seq LIMIT 1
"""
SENT = "UPDATE outbox SET sent = TRUE WHERE seq = %s"
PARK = "UPDATE outbox SET error = %s WHERE seq = %s"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        rows = await db.execute(NEXT)
        if await rows.fetchone() is None:
            await clock.sleep(5.0)
            continue
        taken = await db.execute("DELETE FROM relay_lock")
        if taken.rowcount == 0:
            await clock.sleep(5.0)
            continue
        rows = await db.execute(NEXT)
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
        await db.execute("INSERT INTO relay_lock VALUES (1)")
