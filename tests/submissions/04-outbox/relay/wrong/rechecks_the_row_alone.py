"""Behind the lock it looks again whether the row is unsent, but not whether its aggregate was parked meanwhile.

Fails: test_two_relays_and_a_message_that_is_too_large
"""

from confluent_kafka import KafkaError, KafkaException

WAITING = """
    SELECT seq FROM outbox WHERE NOT sent AND aggregate_id NOT IN (
        SELECT aggregate_id FROM outbox WHERE NOT sent AND error IS NOT NULL)
    ORDER BY seq
"""
STILL = "SELECT aggregate_id, payload FROM outbox WHERE seq = %s AND NOT sent AND error IS NULL"
SENT = "UPDATE outbox SET sent = TRUE WHERE seq = %s"
PARK = "UPDATE outbox SET error = %s WHERE seq = %s"


async def relay(db, producer, clock):
    while True:
        waiting = await (await db.execute(WAITING)).fetchall()
        parked = set()
        for (seq,) in waiting:
            async with db.transaction():
                await db.execute("SELECT id FROM relay_lock FOR UPDATE")
                row = await (await db.execute(STILL, (seq,))).fetchone()
                if row is None or row[0] in parked:
                    continue
                aggregate, payload = row
                try:
                    await (await producer.produce("events", payload, key=aggregate))
                except KafkaException as problem:
                    if problem.args[0].code() != KafkaError.MSG_SIZE_TOO_LARGE:
                        raise
                    parked.add(aggregate)
                    await db.execute(PARK, (str(problem), seq))
                else:
                    await db.execute(SENT, (seq,))
        if not waiting:
            await clock.sleep(3.0)
