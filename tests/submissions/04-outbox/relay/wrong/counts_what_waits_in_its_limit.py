"""Three rows that wait for a mended one are all that is read: nothing else is ever published.

Fails: test_many_rows_that_wait
"""

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

LOCK = "SELECT id FROM relay_lock FOR UPDATE"
ROWS = "SELECT seq, aggregate_id, payload, error FROM outbox WHERE NOT sent ORDER BY seq LIMIT 3"
SENT = "UPDATE outbox SET sent = TRUE WHERE seq = %s"
PARK = "UPDATE outbox SET error = %s WHERE seq = %s"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        async with db.transaction():
            await db.execute(LOCK)
            rows = await (await db.execute(ROWS)).fetchall()
            stopped = {aggregate_id for _, aggregate_id, _, error in rows if error is not None}
            for seq, aggregate_id, payload, _ in rows:
                if aggregate_id in stopped:
                    continue
                try:
                    await (await producer.produce("events", payload, key=aggregate_id))
                    await db.execute(SENT, (seq,))
                except KafkaException as failed:
                    stopped.add(aggregate_id)
                    if failed.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:
                        await db.execute(PARK, ("too large", seq))
        await clock.sleep(3.0)
