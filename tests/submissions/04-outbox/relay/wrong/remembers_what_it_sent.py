"""What was sent is known to the memory only: after each start all of it is sent again.

Fails: test_every_row_is_published
"""

from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

LOCK = "SELECT id FROM relay_lock FOR UPDATE"
ROWS = """
    SELECT seq, aggregate_id, payload FROM outbox
    WHERE NOT sent AND aggregate_id NOT IN (SELECT aggregate_id FROM outbox WHERE error IS NOT NULL AND NOT sent)
    ORDER BY seq
"""


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    sent = set()
    while True:
        async with db.transaction():
            await db.execute(LOCK)
            rows = await db.execute(ROWS)
            for seq, aggregate_id, payload in await rows.fetchall():
                if seq not in sent:
                    await (await producer.produce("events", payload, key=aggregate_id))
                    sent.add(seq)
        await clock.sleep(5.0)
