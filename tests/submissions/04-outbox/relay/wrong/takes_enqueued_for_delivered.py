"""What `produce` returned for has been put into a queue; whether Kafka got it is known later, or never.

Fails: test_a_message_that_is_not_delivered
"""

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
            if row is not None:
                seq, aggregate_id, payload = row
                await producer.produce("events", payload, key=aggregate_id)
                await db.execute(SENT, (seq,))
        if row is None:
            await clock.sleep(5.0)
