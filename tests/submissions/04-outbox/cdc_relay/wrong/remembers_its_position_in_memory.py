"""The slot never hears of it: after each start all is published again, and the log grows for ever.

Fails: test_every_event_is_published
"""

import json

from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

CHANGES = "SELECT lsn, data FROM pg_logical_slot_peek_changes('relay', NULL, NULL, 'format-version', '2')"


def event(change: dict) -> dict | None:
    """The row of the outbox that was inserted, if this is one."""
    if change["action"] != "I" or change["table"] != "outbox":
        return None
    return {column["name"]: column["value"] for column in change["columns"]}


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    done = 0
    while True:
        rows = await db.execute(CHANGES)
        changes = await rows.fetchall()
        for _lsn, data in changes[done:]:
            row = event(json.loads(data))
            if row:
                await (await producer.produce("events", row["payload"], key=row["aggregate_id"]))
            done += 1
        await clock.sleep(5.0)
