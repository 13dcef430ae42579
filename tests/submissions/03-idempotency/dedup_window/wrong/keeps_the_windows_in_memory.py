"""The windows are gone with the process: after a crash a producer that goes on is refused.

Fails: test_a_crash_at_every_await
"""

OK, OUT_OF_ORDER, FENCED = 0, 45, 47


async def lead(network, db):
    windows = {}
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
            end = await db.execute("SELECT count(*) FROM log")
            [(offset,)] = await end.fetchall()
            await db.execute("INSERT INTO log VALUES (%s, %s)", (offset, value))
            recent = {number: place for number, place in window.items() if number > sequence - 5}
            windows[producer] = (epoch, recent | {sequence: offset})
            answer = OK, offset
        await network.send(sender, (correlation, *answer))
