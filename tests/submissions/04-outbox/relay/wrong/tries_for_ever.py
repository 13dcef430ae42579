"""Some errors do not pass: this sends the same message again and again.

Fails: test_a_message_that_is_too_large
"""

from confluent_kafka import KafkaException
from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

LOCK = "SELECT id FROM relay_lock FOR UPDATE"
NEXT = """
    SELECT seq, aggregate_id, payload FROM outbox
    WHERE NOT sent AND aggregate_id NOT IN (SELECT aggregate_id FROM outbox WHERE error IS NOT NULL AND NOT sent)
    ORDER BY seq LIMIT 1
"""
SENT = "UPDATE outbox SET sent = TRUE WHERE seq = %s"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        async with db.transaction():
            await db.execute(LOCK)
            rows = await db.execute(NEXT)
            row = await rows.fetchone()
            while row is not None:
                seq, aggregate_id, payload = row
                try:
                    await (await producer.produce("events", payload, key=aggregate_id))
                    await db.execute(SENT, (seq,))
                    break
                except KafkaException:
                    await clock.sleep(1.0)
        if row is None:
            await clock.sleep(5.0)
