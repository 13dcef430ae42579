"""The epoch counts as begun before its record is looked at, and the old producer is fenced too early.

Fails: test_a_new_epoch_that_does_not_begin_at_0
"""

OK, OUT_OF_ORDER, FENCED = 0, 45, 47
KNOWN = "SELECT epoch, sequence, log_offset FROM appended WHERE producer = %s"
FORGET = "DELETE FROM appended WHERE producer = %s AND (epoch < %s OR sequence <= %s)"
TABLE = "CREATE TABLE IF NOT EXISTS epochs (producer TEXT PRIMARY KEY, epoch INTEGER)"
BEGIN = """
    INSERT INTO epochs VALUES (%s, %s)
    ON CONFLICT (producer) DO UPDATE SET epoch = max(epochs.epoch, excluded.epoch)
"""


async def lead(network, db):
    await db.execute(TABLE)
    while True:
        sender, (correlation, *record) = await network.receive()
        code, offset = await append(*record, db)
        await network.send(sender, (correlation, code, offset))


async def append(producer, epoch, sequence, value, db):
    async with db.transaction():
        await db.execute(BEGIN, (producer, epoch))
        begun = await db.execute("SELECT epoch FROM epochs WHERE producer = %s", (producer,))
        [(newest,)] = await begun.fetchall()
        known = await db.execute(KNOWN, (producer,))
        rows = await known.fetchall()
        if epoch < newest:
            return FENCED, -1
        window = {number: offset for its_epoch, number, offset in rows if its_epoch == epoch}
        if sequence in window:
            return OK, window[sequence]
        if sequence != max(window, default=-1) + 1:
            return OUT_OF_ORDER, -1
        end = await db.execute("SELECT count(*) FROM log")
        [(offset,)] = await end.fetchall()
        await db.execute("INSERT INTO log VALUES (%s, %s)", (offset, value))
        await db.execute("INSERT INTO appended VALUES (%s, %s, %s, %s)", (producer, epoch, sequence, offset))
        await db.execute(FORGET, (producer, epoch, sequence - 5))
        return OK, offset
