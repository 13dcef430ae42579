"""The windows are read once at the start; memory follows only when the transaction is over."""

OK, OUT_OF_ORDER, FENCED = 0, 45, 47
REMEMBER = "INSERT INTO appended VALUES (%s, %s, %s, %s)"
FORGET = "DELETE FROM appended WHERE producer = %s AND (epoch < %s OR sequence <= %s)"


async def lead(network, db):
    windows = {}
    rows = await db.execute("SELECT producer, epoch, sequence, log_offset FROM appended ORDER BY sequence")
    for producer, epoch, sequence, offset in await rows.fetchall():
        windows.setdefault(producer, (epoch, {}))[1][sequence] = offset
    end = await db.execute("SELECT count(*) FROM log")
    [(offset,)] = await end.fetchall()
    while True:
        sender, (correlation, producer, epoch, sequence, value) = await network.receive()
        its_epoch, window = windows.get(producer, (-1, {}))
        if epoch > its_epoch:
            window = {}
        if epoch < its_epoch:
            answer = FENCED, -1
        elif sequence in window:
            answer = OK, window[sequence]
        elif sequence != max(window, default=-1) + 1:
            answer = OUT_OF_ORDER, -1
        else:
            async with db.transaction():
                await db.execute("INSERT INTO log VALUES (%s, %s)", (offset, value))
                await db.execute(REMEMBER, (producer, epoch, sequence, offset))
                await db.execute(FORGET, (producer, epoch, sequence - 5))
            recent = {number: place for number, place in window.items() if number > sequence - 5}
            windows[producer] = (epoch, recent | {sequence: offset})
            answer = OK, offset
            offset += 1
        await network.send(sender, (correlation, *answer))
