"""The message is in the queue of the client library when the slot is told that it is done.

Fails: test_a_message_that_is_not_delivered
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
        for lsn, data in await rows.fetchall():
            change = json.loads(data)
            row = event(change)
            if row:
                await producer.produce("events", row["payload"], key=row["aggregate_id"])
            elif change["action"] == "C":
                await db.execute(CONFIRM, (lsn,))
        await clock.sleep(5.0)
