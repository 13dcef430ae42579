"""Keeps the order in a transaction; the next one's first event may pass this one's, if that does not get to Kafka.

Fails: test_transactions_that_wait_together
"""

import json

PEEK = "SELECT lsn, data FROM pg_logical_slot_peek_changes('relay', NULL, NULL, 'format-version', '2')"
ADVANCE = "SELECT pg_replication_slot_advance('relay', %s)"


async def relay(db, producer, clock):
    while True:
        queues, end, number = {}, None, 0  # one for each aggregate of each transaction
        for lsn, data in await (await db.execute(PEEK)).fetchall():
            change = json.loads(data)
            if change["action"] == "B":
                number += 1
            elif change["action"] == "I" and change["table"] == "outbox":
                row = {column["name"]: column["value"] for column in change["columns"]}
                queues.setdefault((number, row["aggregate_id"]), []).append(row["payload"])
            elif change["action"] == "C":
                end = lsn
        while queues:
            under_way = [
                await producer.produce("events", queue[0], key=aggregate)
                for (_, aggregate), queue in queues.items()
            ]
            for report in under_way:
                await report
            queues = {name: queue[1:] for name, queue in queues.items() if queue[1:]}
        if end is not None:
            await db.execute(ADVANCE, (end,))
        else:
            await clock.sleep(2.0)
