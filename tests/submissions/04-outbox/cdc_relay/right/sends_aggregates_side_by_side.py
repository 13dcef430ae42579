"""What is under way together is of different aggregates."""

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
        under_way = {}
        for lsn, data in await rows.fetchall():
            change = json.loads(data)
            row = event(change)
            if row:
                key = row["aggregate_id"]
                if key in under_way:
                    await under_way.pop(key)
                under_way[key] = await producer.produce("events", row["payload"], key=key)
            elif change["action"] == "C":
                for delivery in under_way.values():
                    await delivery
                under_way.clear()
                await db.execute(CONFIRM, (lsn,))
        await clock.sleep(5.0)
