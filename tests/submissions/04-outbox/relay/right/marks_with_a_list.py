"""Rows are marked by a list of their numbers, here of one."""

from confluent_kafka import KafkaError, KafkaException

NEXT = """
    SELECT seq, aggregate_id, payload FROM outbox AS o
    WHERE NOT sent AND NOT EXISTS (
        SELECT 1 FROM outbox AS p
        WHERE p.aggregate_id = o.aggregate_id AND NOT p.sent AND p.error IS NOT NULL
    )
    ORDER BY seq LIMIT 1
"""


async def relay(db, producer, clock):
    while True:
        async with db.transaction():
            await db.execute("SELECT id FROM relay_lock FOR UPDATE")
            row = await (await db.execute(NEXT)).fetchone()
            if row is not None:
                await publish(row, db, producer)
        if row is None:
            await clock.sleep(5.0)


async def publish(row, db, producer):
    seq, aggregate, payload = row
    try:
        await (await producer.produce("events", payload, key=aggregate))
    except KafkaException as failure:
        if failure.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
            raise
        await db.execute("UPDATE outbox SET error = %s WHERE seq = %s", (str(failure), seq))
    else:
        await db.execute("UPDATE outbox SET sent = TRUE WHERE seq = ANY(%s)", ([seq],))
