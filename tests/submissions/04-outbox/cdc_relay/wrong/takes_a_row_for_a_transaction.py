"""The first row of a transaction says only that it begins; its position confirms nothing.

Fails: test_every_event_is_published
"""

import json

from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

CHANGES = "SELECT lsn, data FROM pg_logical_slot_peek_changes('relay', NULL, NULL, 'format-version', '2')"
CONFIRM = "SELECT pg_replication_slot_advance('relay', %s)"


def event(change: dict) -> dict | None:
    """The row of the outbox that was inserted, if this is one."""
    if change["action"] != "I" or change["table"] != "outbox":
        return None
    return {column["name"]: column["value"] for column in change["columns"]}


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        rows = await db.execute(CHANGES)
        change = await rows.fetchone()
        if change is None:
            await clock.sleep(5.0)
            continue
        lsn, data = change
        row = event(json.loads(data))
        if row:
            await (await producer.produce("events", row["payload"], key=row["aggregate_id"]))
        await db.execute(CONFIRM, (lsn,))
