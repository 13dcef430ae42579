"""Five places for each producer, used in turn; the epoch stands in each."""

OK, OUT_OF_ORDER, FENCED = 0, 45, 47
TABLE = """
    CREATE TABLE IF NOT EXISTS places (
        producer TEXT, place INTEGER, epoch INTEGER, sequence INTEGER, log_offset INTEGER,
        PRIMARY KEY (producer, place)
    )
"""
KEEP = """
    INSERT INTO places VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (producer, place) DO UPDATE
    SET epoch = excluded.epoch, sequence = excluded.sequence, log_offset = excluded.log_offset
"""


async def lead(network, db):
    await db.execute(TABLE)
    while True:
        sender, (correlation, *record) = await network.receive()
        code, offset = await append(*record, db)
        await network.send(sender, (correlation, code, offset))


async def append(producer, epoch, sequence, value, db):
    async with db.transaction():
        found = await db.execute("SELECT epoch, sequence, log_offset FROM places WHERE producer = %s", (producer,))
        rows = await found.fetchall()
        newest = max((row[:2] for row in rows), default=(-1, -1))
        if epoch < newest[0]:
            return FENCED, -1
        for its_epoch, number, offset in rows:
            if (its_epoch, number) == (epoch, sequence):
                return OK, offset
        if sequence != (newest[1] + 1 if epoch == newest[0] else 0):
            return OUT_OF_ORDER, -1
        end = await db.execute("SELECT count(*) FROM log")
        [(offset,)] = await end.fetchall()
        await db.execute("INSERT INTO log VALUES (%s, %s)", (offset, value))
        await db.execute(KEEP, (producer, sequence % 5, epoch, sequence, offset))
        return OK, offset
