"""Reads fifty rows, then the next fifty: but those that are sent do not count any more, and rows are skipped.

Fails: test_many_rows_that_wait
"""

from confluent_kafka import KafkaError, KafkaException

PAGE = """
    SELECT seq, aggregate_id, payload FROM outbox WHERE NOT sent AND aggregate_id NOT IN (
        SELECT aggregate_id FROM outbox WHERE NOT sent AND error IS NOT NULL)
    ORDER BY seq LIMIT 50 OFFSET %s
"""


async def relay(db, producer, clock):
    offset = 0
    while True:
        async with db.transaction():
            await db.execute("SELECT id FROM relay_lock FOR UPDATE")
            rows = await (await db.execute(PAGE, (offset,))).fetchall()
            parked = set()
            for seq, aggregate, payload in rows:
                if aggregate in parked:
                    continue
                try:
                    await (await producer.produce("events", payload, key=aggregate))
                except KafkaException as problem:
                    if problem.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                        raise
                    parked.add(aggregate)
                    await db.execute("UPDATE outbox SET error = %s WHERE seq = %s", (str(problem), seq))
                else:
                    await db.execute("UPDATE outbox SET sent = TRUE WHERE seq = %s", (seq,))
        if len(rows) == 50:
            offset += 50
        else:
            offset = 0
            await clock.sleep(3.0)
