"""A position inside of a transaction confirms nothing yet, and one that lies behind is not confirmed again."""

import json

from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection
from psycopg.errors import ObjectNotInPrerequisiteState

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
        for lsn, data in await rows.fetchall():
            row = event(json.loads(data))
            if row:
                await (await producer.produce("events", row["payload"], key=row["aggregate_id"]))
            try:
                await db.execute(CONFIRM, (lsn,))
            except ObjectNotInPrerequisiteState:
                continue
        await clock.sleep(5.0)
