"""A busy producer's rows are the last five of all: after a restart any other that goes on is refused.

Fails: test_a_successor
"""

OK, OUT_OF_ORDER, FENCED = 0, 45, 47
WINDOWS = """
    SELECT producer, epoch, sequence, log_offset
    FROM (SELECT * FROM appended ORDER BY log_offset DESC LIMIT 5) AS newest
    ORDER BY sequence
"""
REMEMBER = "INSERT INTO appended VALUES (%s, %s, %s, %s)"
FORGET = "DELETE FROM appended WHERE producer = %s AND (epoch < %s OR sequence <= %s)"


async def lead(network, db):
    windows = {}
    rows = await db.execute(WINDOWS)
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
