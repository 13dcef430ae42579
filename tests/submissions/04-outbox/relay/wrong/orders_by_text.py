"""Numbers are ordered as text: row 100 comes before row 91.

Fails: test_many_rows_that_wait
"""

from confluent_kafka import KafkaError, KafkaException

NEXT = """
    SELECT seq, aggregate_id, payload FROM outbox WHERE NOT sent AND aggregate_id NOT IN (
        SELECT aggregate_id FROM outbox WHERE NOT sent AND error IS NOT NULL)
    ORDER BY CAST(seq AS TEXT) LIMIT 1
"""


async def relay(db, producer, clock):
    while True:
        async with db.transaction():
            await db.execute("SELECT id FROM relay_lock FOR UPDATE")
            row = await (await db.execute(NEXT)).fetchone()
            if row is not None:
                seq, aggregate, payload = row
                try:
                    await (await producer.produce("events", payload, key=aggregate))
                except KafkaException as problem:
                    if problem.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                        raise
                    await db.execute("UPDATE outbox SET error = %s WHERE seq = %s", (str(problem), seq))
                else:
                    await db.execute("UPDATE outbox SET sent = TRUE WHERE seq = %s", (seq,))
        if row is None:
            await clock.sleep(3.0)
