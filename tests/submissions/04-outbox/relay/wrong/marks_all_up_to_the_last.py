"""A row that became visible meanwhile has a lower number, and is marked with the others, unpublished.

Fails: test_a_transaction_that_commits_late
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
SENT = "UPDATE outbox SET sent = TRUE WHERE seq <= %s AND error IS NULL"
PARK = "UPDATE outbox SET error = %s WHERE seq = %s"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        async with db.transaction():
            await db.execute(LOCK)
            rows = await db.execute(NEXT)
            row = await rows.fetchone()
            if row is not None:
                seq, aggregate_id, payload = row
                try:
                    await (await producer.produce("events", payload, key=aggregate_id))
                    await db.execute(SENT, (seq,))
                except KafkaException as failed:
                    if failed.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                        raise
                    await db.execute(PARK, ("too large", seq))
        if row is None:
            await clock.sleep(5.0)
