"""Publish the events of an outbox by reading the database's log instead of the table.

Services insert rows into the table `outbox`, in the transactions of their own work; some delete theirs at once, in
the same transaction, since the log has it anyway. Publish each inserted row to the topic `events`: its value is
the row's `payload`, its key the row's `aggregate_id`. Consumers know an event by the id in its payload, so the
topic may have it twice after a fault. But nothing may be missing, and the first copies of one aggregate's events
have to stand in the order in which the log has them.

The replication slot `relay` gives the log: all that was committed, in the order of commits, whole transactions,
from the position on that it has confirmed.

    SELECT lsn, data
    FROM pg_logical_slot_peek_changes('relay', NULL, NULL, 'format-version', '2')

gives rows whose `data` is JSON: `{"action":"B"}` where a transaction begins, `{"action":"I", "table":"outbox",
"columns":[{"name":"payload","type":"text","value":…}, …]}` for an insert, U and D for updates and deletes, and
`{"action":"C"}` for the commit. `lsn` is the position of each. Only an insert is an event. The log tells of other
tables, too, of which some have the same columns.

    SELECT pg_replication_slot_advance('relay', '0/1528B18')

confirms the transactions whose commit, `C`, is not beyond this position: they are not given again, and the server
can remove its log up to there. `pg_logical_slot_get_changes` is both in one.

Your process may crash at every `await`. The database may fail for a moment, an acknowledgement of Kafka's may get
lost, which the client library deals with, and a message may not get to Kafka: then whoever awaits its delivery
hears a KafkaException. An exception that you do not catch ends the process, and it is restarted. Without any fault
each event is published once. At the end the slot has confirmed all events.

    outbox (seq, aggregate_id TEXT NOT NULL, payload TEXT NOT NULL)
"""

import json

from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

# TODO: this confirms what Kafka may not have.
CHANGES = "SELECT lsn, data FROM pg_logical_slot_get_changes('relay', NULL, NULL, 'format-version', '2')"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        rows = await db.execute(CHANGES)
        for _lsn, data in await rows.fetchall():
            change = json.loads(data)
            if change["action"] == "I" and change["table"] == "outbox":
                row = {column["name"]: column["value"] for column in change["columns"]}
                await producer.produce("events", row["payload"], key=row["aggregate_id"])
        await clock.sleep(5.0)
