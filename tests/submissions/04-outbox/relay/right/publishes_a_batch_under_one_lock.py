"""All that is there, one after the other; an aggregate that fails is left for the next time."""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

LOCK = "SELECT id FROM relay_lock FOR UPDATE"
ROWS = """
    SELECT seq, aggregate_id, payload FROM outbox
    WHERE NOT sent AND aggregate_id NOT IN (SELECT aggregate_id FROM outbox WHERE error IS NOT NULL AND NOT sent)
    ORDER BY seq
"""
SENT = "UPDATE outbox SET sent = TRUE WHERE seq = %s"
PARK = "UPDATE outbox SET error = %s WHERE seq = %s"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        async with db.transaction():
            await db.execute(LOCK)
            rows = await db.execute(ROWS)
            stopped = set()
            for seq, aggregate_id, payload in await rows.fetchall():
                if aggregate_id in stopped:
                    continue
                try:
                    await (await producer.produce("events", payload, key=aggregate_id))
                    await db.execute(SENT, (seq,))
                except KafkaException as failed:
                    stopped.add(aggregate_id)
                    if failed.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                        await db.execute(PARK, ("too large", seq))
        await clock.sleep(5.0)
