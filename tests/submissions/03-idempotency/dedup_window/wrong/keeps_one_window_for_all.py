"""The producer's id is not looked at: the second producer's numbers are taken for the first one's.

Fails: test_a_window_for_each_producer
"""

OK, OUT_OF_ORDER, FENCED = 0, 45, 47
KNOWN = "SELECT epoch, sequence, log_offset FROM appended"
FORGET = "DELETE FROM appended WHERE epoch < %s OR sequence <= %s"


async def lead(network, db):
    while True:
        sender, (correlation, *record) = await network.receive()
        code, offset = await append(*record, db)
        await network.send(sender, (correlation, code, offset))


async def append(producer, epoch, sequence, value, db):
    async with db.transaction():
        known = await db.execute(KNOWN)
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
        await db.execute(FORGET, (epoch, sequence - 5))
        return OK, offset
