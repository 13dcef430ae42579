"""One row for each producer, with the last five offsets as text: sequence numbers follow from the last one."""

import json

OK, OUT_OF_ORDER, FENCED = 0, 45, 47
TABLE = """
    CREATE TABLE IF NOT EXISTS producers (id TEXT PRIMARY KEY, epoch INTEGER, last INTEGER, offsets TEXT)
"""
KEEP = """
    INSERT INTO producers VALUES (%s, %s, %s, %s)
    ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch, last = excluded.last, offsets = excluded.offsets
"""


async def lead(network, db):
    await db.execute(TABLE)
    while True:
        sender, (correlation, *record) = await network.receive()
        code, offset = await append(*record, db)
        await network.send(sender, (correlation, code, offset))


async def append(producer, epoch, sequence, value, db):
    async with db.transaction():
        found = await db.execute("SELECT epoch, last, offsets FROM producers WHERE id = %s", (producer,))
        its_epoch, last, offsets = await found.fetchone() or (epoch, -1, "[]")
        if epoch < its_epoch:
            return FENCED, -1
        if epoch > its_epoch:
            last, offsets = -1, "[]"
        recent = json.loads(offsets)
        if last - len(recent) < sequence <= last:
            return OK, recent[sequence - last - 1]
        if sequence != last + 1:
            return OUT_OF_ORDER, -1
        end = await db.execute("SELECT coalesce(max(log_offset), -1) + 1 FROM log")
        [(offset,)] = await end.fetchall()
        await db.execute("INSERT INTO log VALUES (%s, %s)", (offset, value))
        await db.execute(KEEP, (producer, epoch, sequence, json.dumps([*recent, offset][-5:])))
        return OK, offset
