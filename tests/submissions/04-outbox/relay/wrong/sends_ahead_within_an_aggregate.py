"""What is under way together may fail one by one: the second arrives, the first does not.

Fails: test_a_message_that_is_not_delivered
"""

from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

LOCK = "SELECT id FROM relay_lock FOR UPDATE"
ROWS = """
    SELECT seq, aggregate_id, payload FROM outbox
    WHERE NOT sent AND aggregate_id NOT IN (SELECT aggregate_id FROM outbox WHERE error IS NOT NULL AND NOT sent)
    ORDER BY seq
"""
SENT = "UPDATE outbox SET sent = TRUE WHERE seq = %s"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        async with db.transaction():
            await db.execute(LOCK)
            rows = await db.execute(ROWS)
            under_way = [
                (seq, await producer.produce("events", payload, key=aggregate_id))
                for seq, aggregate_id, payload in await rows.fetchall()
            ]
            for seq, delivery in under_way:
                await delivery
                await db.execute(SENT, (seq,))
        await clock.sleep(5.0)
