"""An update of the row that comes before the commit replaces what was inserted.

Fails: test_every_event_is_published
"""

import json

PEEK = "SELECT lsn, data FROM pg_logical_slot_peek_changes('relay', NULL, NULL, 'format-version', '2')"
ADVANCE = "SELECT pg_replication_slot_advance('relay', %s)"


async def relay(db, producer, clock):
    while True:
        events, ends = {}, None
        for lsn, data in await (await db.execute(PEEK)).fetchall():
            change = json.loads(data)
            if change["action"] in "IU" and change["table"] == "outbox":
                row = {column["name"]: column["value"] for column in change["columns"]}
                events[row["seq"]] = row
            elif change["action"] == "C":
                ends = lsn
        for row in events.values():
            await (await producer.produce("events", row["payload"], key=row["aggregate_id"]))
        if ends:
            await db.execute(ADVANCE, (ends,))
        await clock.sleep(2.0)
