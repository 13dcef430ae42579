"""A cursor over the table misses what commits late, and what is not there any more.

Fails: test_every_event_is_published
"""

from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

CHANGES = "SELECT lsn, data FROM pg_logical_slot_peek_changes('relay', NULL, NULL, 'format-version', '2')"
CONFIRM = "SELECT pg_replication_slot_advance('relay', %s)"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    last = 0
    while True:
        rows = await db.execute(
            "SELECT seq, aggregate_id, payload FROM outbox WHERE seq > %s ORDER BY seq", (last,)
        )
        for seq, aggregate_id, payload in await rows.fetchall():
            await (await producer.produce("events", payload, key=aggregate_id))
            last = seq
        changes = await db.execute(CHANGES)
        found = await changes.fetchall()
        if found:
            await db.execute(CONFIRM, (found[-1][0],))
        await clock.sleep(5.0)
