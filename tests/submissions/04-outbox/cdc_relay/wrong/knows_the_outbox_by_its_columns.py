"""Other tables have a payload, too: a copy in the archive is published as one more event.

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
            if change["action"] == "I" and any(column["name"] == "payload" for column in change["columns"]):
                row = {column["name"]: column["value"] for column in change["columns"]}
                await (await producer.produce("events", row["payload"], key=row["aggregate_id"]))
            elif change["action"] == "C":
                await db.execute(CONFIRM, (lsn,))
        await clock.sleep(5.0)
