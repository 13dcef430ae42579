"""A crash between the two loses the event: at most once.

Fails: test_a_crash_at_every_await
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
        async with db.transaction():
            await db.execute(LOCK)
            rows = await db.execute(NEXT)
            row = await rows.fetchone()
            if row is not None:
                seq, aggregate_id, payload = row
                await db.execute(SENT, (seq,))
        if row is None:
            await clock.sleep(5.0)
            continue
        try:
            await (await producer.produce("events", payload, key=aggregate_id))
        except KafkaException as failed:
            await db.execute("UPDATE outbox SET sent = FALSE WHERE seq = %s", (seq,))
            if failed.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                await db.execute(PARK, ("too large", seq))
