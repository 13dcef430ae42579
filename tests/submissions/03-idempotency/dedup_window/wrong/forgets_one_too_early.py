"""Deletes what is four behind: the window has four records.

Fails: test_each_of_the_last_five
"""

OK, OUT_OF_ORDER, FENCED = 0, 45, 47
KNOWN = "SELECT epoch, sequence, log_offset FROM appended WHERE producer = %s"
FORGET = "DELETE FROM appended WHERE producer = %s AND (epoch < %s OR sequence <= %s)"


async def lead(network, db):
    while True:
        sender, (correlation, *record) = await network.receive()
        code, offset = await append(*record, db)
        await network.send(sender, (correlation, code, offset))


async def append(producer, epoch, sequence, value, db):
    async with db.transaction():
        known = await db.execute(KNOWN, (producer,))
        rows = await known.fetchall()
        if any(its_epoch > epoch for its_epoch, _, _ in rows):
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
        await db.execute(FORGET, (producer, epoch, sequence - 4))
        return OK, offset
