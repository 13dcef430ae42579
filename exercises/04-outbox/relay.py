"""Publish the rows of an outbox to Kafka: each at least once, and those of one aggregate in their order.

Services write rows into the table `outbox`, in the transactions of their own work. Your process publishes each to
the topic `events`: its value is the row's `payload`, its key the row's `aggregate_id`. Then it sets `sent`, or
deletes the row. Consumers know an event by the id in its payload, so the topic may have it twice after a fault.
But nothing may be missing, and the first copies of one aggregate's events have to stand in the order of `seq`.

Two of these processes run at once, on two machines. Without any fault each event is published once all the same.
It is no fault if somebody else has a row locked for a moment: who wants to write it waits.

Your process may crash at every `await`. The database may fail for a moment, its connection may break, and an
acknowledgement of Kafka's may get lost, which the client library deals with. A message may not get to Kafka for a
while: then whoever awaits its delivery hears a KafkaException. An exception that you do not catch ends the
process, and it is restarted.

One error does not pass: `KafkaError.MSG_SIZE_TOO_LARGE`. Such a row must not hold up other aggregates, and nothing
of its own aggregate may pass it. So park it: write into `error` what is wrong, leave it unsent, and publish no
later row of this aggregate until somebody has mended the row and set `error` to NULL again.

Some transactions are slow: a row may become visible after rows of other aggregates with a higher `seq`.

    outbox (seq, aggregate_id TEXT, payload TEXT, sent BOOLEAN, error TEXT)
    relay_lock (id INTEGER PRIMARY KEY), with one row, for you to lock if you want to
"""

from confluent_kafka.aio import AIOProducer
from psycopg import AsyncConnection

UNSENT = "SELECT seq, aggregate_id, payload FROM outbox WHERE NOT sent ORDER BY seq"
SENT = "UPDATE outbox SET sent = TRUE WHERE seq = %s"


async def relay(db: AsyncConnection, producer: AIOProducer, clock) -> None:
    while True:
        # TODO: this marks what Kafka may not have, and there are two of us.
        rows = await db.execute(UNSENT)
        for seq, aggregate_id, payload in await rows.fetchall():
            await producer.produce("events", payload, key=aggregate_id)
            await db.execute(SENT, (seq,))
        await clock.sleep(5.0)
