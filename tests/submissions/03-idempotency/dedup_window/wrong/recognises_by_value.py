"""Two records that are alike are two records.

Fails: test_each_of_the_last_five
"""

OK = 0


async def lead(network, db):
    while True:
        sender, (correlation, *record) = await network.receive()
        code, offset = await append(*record, db)
        await network.send(sender, (correlation, code, offset))


async def append(producer, epoch, sequence, value, db):
    async with db.transaction():
        same = await db.execute("SELECT log_offset FROM log WHERE value = %s", (value,))
        known = await same.fetchone()
        if known is not None:
            return OK, known[0]
        end = await db.execute("SELECT count(*) FROM log")
        [(offset,)] = await end.fetchall()
        await db.execute("INSERT INTO log VALUES (%s, %s)", (offset, value))
        return OK, offset
