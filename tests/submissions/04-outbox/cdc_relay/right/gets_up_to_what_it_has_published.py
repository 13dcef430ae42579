"""Getting up to a position confirms up to it; what is got has been published."""

import json

from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

CHANGES = "SELECT lsn, data FROM pg_logical_slot_peek_changes('relay', NULL, NULL, 'format-version', '2')"
TAKE = "SELECT lsn FROM pg_logical_slot_get_changes('relay', %s, NULL, 'format-version', '2')"


def event(change: dict) -> dict | None:
    """The row of the outbox that was inserted, if this is one."""
    if change["action"] != "I" or change["table"] != "outbox":
        return None
    return {column["name"]: column["value"] for column in change["columns"]}


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        rows = await db.execute(CHANGES)
        for lsn, data in await rows.fetchall():
            change = json.loads(data)
            row = event(change)
            if row:
                await (await producer.produce("events", row["payload"], key=row["aggregate_id"]))
            elif change["action"] == "C":
                await db.execute(TAKE, (lsn,))
        await clock.sleep(5.0)
