"""The log tells of other tables and of deletions: not every row in it is an event.

Fails: test_every_event_is_published
"""

import json

from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

CHANGES = "SELECT lsn, data FROM pg_logical_slot_peek_changes('relay', NULL, NULL, 'format-version', '2')"
CONFIRM = "SELECT pg_replication_slot_advance('relay', %s)"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        rows = await db.execute(CHANGES)
        for lsn, data in await rows.fetchall():
            change = json.loads(data)
            if change["action"] == "C":
                await db.execute(CONFIRM, (lsn,))
            elif change["action"] != "B":
                cells = change.get("columns") or change.get("identity")
                row = {column["name"]: column["value"] for column in cells}
                await (await producer.produce("events", row.get("payload"), key=row.get("aggregate_id")))
        await clock.sleep(5.0)
