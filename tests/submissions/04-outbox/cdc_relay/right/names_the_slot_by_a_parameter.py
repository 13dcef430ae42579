"""The same, with parameters, all columns and an alias."""

import json

from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

CHANGES = """
    SELECT *
    FROM pg_logical_slot_peek_changes(%s, NULL, %s, 'format-version', '2') AS changes
"""


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        rows = await db.execute(CHANGES, ("relay", 10))
        for lsn, _xid, data in await rows.fetchall():
            change = json.loads(data)
            if change["action"] == "I" and change["table"] == "outbox":
                row = {column["name"]: column["value"] for column in change["columns"]}
                await (await producer.produce("events", row["payload"], key=row["aggregate_id"]))
            elif change["action"] == "C":
                await db.execute("SELECT end_lsn FROM pg_replication_slot_advance(%s, %s)", ("relay", lsn))
        await clock.sleep(5.0)
