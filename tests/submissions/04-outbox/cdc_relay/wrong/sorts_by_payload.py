"""Sorts what it read by the ids in the payloads: e10 comes before e2.

Fails: test_many_transactions
"""

import json

PEEK = "SELECT lsn, data FROM pg_logical_slot_peek_changes('relay', NULL, NULL, 'format-version', '2')"
ADVANCE = "SELECT pg_replication_slot_advance('relay', %s)"


async def relay(db, producer, clock):
    while True:
        events, ends = [], None
        for lsn, data in await (await db.execute(PEEK)).fetchall():
            change = json.loads(data)
            if change["action"] == "I" and change["table"] == "outbox":
                events.append({column["name"]: column["value"] for column in change["columns"]})
            elif change["action"] == "C":
                ends = lsn
        for row in sorted(events, key=lambda row: row["payload"]):
            await (await producer.produce("events", row["payload"], key=row["aggregate_id"]))
        if ends:
            await db.execute(ADVANCE, (ends,))
        await clock.sleep(2.0)
