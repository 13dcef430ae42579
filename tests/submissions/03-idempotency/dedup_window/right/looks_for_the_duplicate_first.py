"""Asks for exactly this record first, and for the newest of its producer after that."""

OK, OUT_OF_ORDER, FENCED = 0, 45, 47
NEWEST = """
    SELECT epoch, sequence FROM appended WHERE producer = %s ORDER BY epoch DESC, sequence DESC LIMIT 1
"""
THIS = "SELECT log_offset FROM appended WHERE producer = %s AND epoch = %s AND sequence = %s"
FORGET = "DELETE FROM appended WHERE producer = %s AND (epoch < %s OR sequence <= %s)"


async def lead(network, db):
    while True:
        sender, (correlation, *record) = await network.receive()
        code, offset = await append(*record, db)
        await network.send(sender, (correlation, code, offset))


async def append(producer, epoch, sequence, value, db):
    async with db.transaction():
        found = await db.execute(NEWEST, (producer,))
        its_epoch, last = await found.fetchone() or (-1, -1)
        if epoch < its_epoch:
            return FENCED, -1
        same = await db.execute(THIS, (producer, epoch, sequence))
        known = await same.fetchone()
        if known is not None:
            return OK, known[0]
        if sequence != (last + 1 if epoch == its_epoch else 0):
            return OUT_OF_ORDER, -1
        end = await db.execute("SELECT count(*) FROM log")
        [(offset,)] = await end.fetchall()
        await db.execute(FORGET, (producer, epoch, sequence - 5))
        await db.execute("INSERT INTO appended VALUES (%s, %s, %s, %s)", (producer, epoch, sequence, offset))
        await db.execute("INSERT INTO log VALUES (%s, %s)", (offset, value))
        return OK, offset
