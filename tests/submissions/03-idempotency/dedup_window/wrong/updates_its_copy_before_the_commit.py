"""The copy in memory knows of a record that was rolled back, and acknowledges it.

Fails: test_answers_that_do_not_arrive
"""

from psycopg.errors import QueryCanceled

OK, OUT_OF_ORDER, FENCED = 0, 45, 47
REMEMBER = "INSERT INTO appended VALUES (%s, %s, %s, %s)"
FORGET = "DELETE FROM appended WHERE producer = %s AND (epoch < %s OR sequence <= %s)"


async def lead(network, db):
    windows = {}
    rows = await db.execute("SELECT producer, epoch, sequence, log_offset FROM appended ORDER BY sequence")
    for producer, epoch, sequence, offset in await rows.fetchall():
        windows.setdefault(producer, (epoch, {}))[1][sequence] = offset
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
            try:
                async with db.transaction():
                    end = await db.execute("SELECT count(*) FROM log")
                    [(offset,)] = await end.fetchall()
                    recent = {number: place for number, place in window.items() if number > sequence - 5}
                    windows[producer] = (epoch, recent | {sequence: offset})
                    await db.execute("INSERT INTO log VALUES (%s, %s)", (offset, value))
                    await db.execute(REMEMBER, (producer, epoch, sequence, offset))
                    await db.execute(FORGET, (producer, epoch, sequence - 5))
            except QueryCanceled:
                continue  # the producer will send it again
            answer = OK, offset
        await network.send(sender, (correlation, *answer))
