"""What is left of an epoch when the next one begins is never deleted.

Fails: test_many_records_in_little_room
"""

OK, OUT_OF_ORDER, FENCED = 0, 45, 47
NEWEST = "SELECT coalesce(max(epoch), -1) FROM appended WHERE producer = %s"
KNOWN = "SELECT sequence, log_offset FROM appended WHERE producer = %s AND epoch = %s"
FORGET = "DELETE FROM appended WHERE producer = %s AND epoch = %s AND sequence <= %s"


async def lead(network, db):
    while True:
        sender, (correlation, *record) = await network.receive()
        code, offset = await append(*record, db)
        await network.send(sender, (correlation, code, offset))


async def append(producer, epoch, sequence, value, db):
    async with db.transaction():
        newest = await db.execute(NEWEST, (producer,))
        [(its_epoch,)] = await newest.fetchall()
        if epoch < its_epoch:
            return FENCED, -1
        known = await db.execute(KNOWN, (producer, epoch))
        rows = await known.fetchall()
        window = dict(rows)
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
