"""The last five are cached; a failure empties the cache, and a lost connection ends the process."""

from collections import deque

from psycopg import Error

ALL = "SELECT producer, epoch, sequence, log_offset FROM appended ORDER BY epoch, sequence"


class Leader:
    def __init__(self, db):
        self.db = db
        self.state = None

    async def load(self):
        end = await self.db.execute("SELECT count(*) FROM log")
        (self.end,) = await end.fetchone()
        state = {}
        rows = await self.db.execute(
            "SELECT producer, epoch, sequence, log_offset FROM appended ORDER BY epoch, sequence"
        )
        for producer, epoch, sequence, offset in await rows.fetchall():
            if producer not in state or state[producer][0] != epoch:
                state[producer] = (epoch, deque(maxlen=5))
            state[producer][1].append((sequence, offset))
        self.state = state

    async def handle(self, producer, epoch, sequence, value):
        if self.state is None:
            await self.load()
        known_epoch, window = self.state.get(producer, (epoch, ()))
        if epoch < known_epoch:
            return 47, -1
        if epoch > known_epoch:
            window = ()
        for s, offset in window:
            if s == sequence:
                return 0, offset
        following = window[-1][0] + 1 if window else 0
        if sequence != following:
            return 45, -1
        offset = self.end
        async with self.db.transaction():
            await self.db.execute("DELETE FROM appended WHERE producer = %s AND epoch < %s", (producer, epoch))
            await self.db.execute(
                "DELETE FROM appended WHERE producer = %s AND sequence < %s", (producer, sequence - 4)
            )
            await self.db.execute(
                "INSERT INTO appended VALUES (%s, %s, %s, %s)", (producer, epoch, sequence, offset)
            )
            await self.db.execute("INSERT INTO log VALUES (%s, %s)", (offset, value))
        self.end += 1
        self.state[producer] = (epoch, deque([*window, (sequence, offset)], maxlen=5))
        return 0, offset


async def lead(network, db):
    leader = Leader(db)
    while True:
        sender, (correlation, *record) = await network.receive()
        try:
            code, offset = await leader.handle(*record)
        except Error:
            leader.state = None  # nobody knows; the producer will ask again
            if db.closed:
                raise
            continue
        await network.send(sender, (correlation, code, offset))
