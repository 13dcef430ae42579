"""Confirms a transaction that is published, although one before it waits in memory for another try.

Fails: test_transactions_that_wait_together
"""

import json

from confluent_kafka import KafkaException
from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

CHANGES = "SELECT lsn, data FROM pg_logical_slot_peek_changes('relay', NULL, NULL, 'format-version', '2')"


def place(lsn: str) -> int:
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    transactions: dict[str, list[tuple[str, str]]] = {}  # by the position of the commit: what is to be published
    confirmed = 0
    while True:
        events: list[tuple[str, str]] = []
        rows = await db.execute(CHANGES)
        for lsn, data in await rows.fetchall():
            change = json.loads(data)
            if change["action"] == "I" and change["table"] == "outbox":
                row = {column["name"]: column["value"] for column in change["columns"]}
                events.append((row["aggregate_id"], row["payload"]))
            elif change["action"] == "C":
                transactions.setdefault(lsn, events)  # one that waits is in the log a second time
                events = []

        held: set[str] = set()
        position = None
        for commit, waiting in transactions.items():
            again = []
            for key, value in waiting:
                if key not in held:
                    try:
                        delivery = await producer.produce("events", value, key=key)
                        await delivery
                        continue
                    except KafkaException:
                        held.add(key)
                again.append((key, value))
            transactions[commit] = again
            if not again:
                position = commit
        if position is not None and place(position) > confirmed:
            await db.execute("SELECT pg_replication_slot_advance('relay', %s)", (position,))
            confirmed = place(position)
        # What is confirmed does not come again; the rest stays, so that it is not published twice.
        transactions = {at: left for at, left in transactions.items() if left or place(at) > confirmed}
        await clock.sleep(1.0 if held else 5.0)
