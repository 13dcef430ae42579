"""The row is deleted first, and is there again if the transaction does not commit."""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

TAKE = """
    DELETE FROM outbox WHERE seq = (
        SELECT min(seq) FROM outbox
        WHERE aggregate_id NOT IN (SELECT aggregate_id FROM outbox WHERE error IS NOT NULL)
    )
    RETURNING seq, aggregate_id, payload
"""
PARK = "UPDATE outbox SET error = %s WHERE seq = %s"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        row = None
        try:
            async with db.transaction():
                rows = await db.execute(TAKE)
                row = await rows.fetchone()
                if row is not None:
                    await (await producer.produce("events", row[2], key=row[1]))
        except KafkaException as failed:
            if failed.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                raise
            await db.execute(PARK, ("too large", row[0]))
        if row is None:
            await clock.sleep(5.0)
