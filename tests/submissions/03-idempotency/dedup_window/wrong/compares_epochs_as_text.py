"""As text, epoch 10 is older than epoch 3.

Fails: test_whatever_an_older_epoch_sends
"""


async def lead(network, db):
    while True:
        sender, (correlation, *record) = await network.receive()
        code, offset = await append(record, db)
        await network.send(sender, (correlation, code, offset))


async def append(record, db):
    producer, epoch, sequence, value = record
    async with db.transaction():
        found = await db.execute(
            "SELECT epoch, sequence, log_offset FROM appended WHERE producer = %s", (producer,)
        )
        rows = await found.fetchall()
        if any(str(e) > str(epoch) for e, _, _ in rows):
            return 47, -1
        window = {s: o for e, s, o in rows if e == epoch}
        if sequence in window:
            return 0, window[sequence]
        if sequence != max(window, default=-1) + 1:
            return 45, -1
        end = await db.execute("SELECT count(*) FROM log")
        [(offset,)] = await end.fetchall()
        await db.execute("INSERT INTO log VALUES (%s, %s)", (offset, value))
        await db.execute("INSERT INTO appended VALUES (%s, %s, %s, %s)", (producer, epoch, sequence, offset))
        await db.execute(
            "DELETE FROM appended WHERE producer = %s AND (epoch < %s OR sequence <= %s)",
            (producer, epoch, sequence - 5),
        )
        return 0, offset
