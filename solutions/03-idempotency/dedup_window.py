"""Five records of each producer are enough: what is not among them and does not follow them is refused."""

from typing import Any, Protocol

from psycopg import AsyncConnection

OK, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH = 0, 45, 47
REMEMBERED = 5
REMEMBER = "INSERT INTO appended VALUES (%s, %s, %s, %s)"
FIND = "SELECT epoch, sequence, log_offset FROM appended WHERE producer = %s"
FORGET = """
    DELETE FROM appended
    WHERE producer = %s AND (epoch < %s OR sequence <= %s)
"""


class Network(Protocol):
    async def send(self, to: str, payload: Any) -> None: ...
    async def receive(self, timeout: float | None = None) -> Any: ...


async def lead(network: Network, db: AsyncConnection) -> None:
    while True:
        sender, (correlation, *record) = await network.receive()
        code, offset = await append(record, db)
        await network.send(sender, (correlation, code, offset))


async def append(record: list[Any], db: AsyncConnection) -> tuple[int, int]:
    producer, epoch, sequence, value = record
    async with db.transaction():
        known = await db.execute(FIND, (producer,))
        rows = await known.fetchall()
        if any(its_epoch > epoch for its_epoch, _, _ in rows):
            return INVALID_PRODUCER_EPOCH, -1
        window = {number: offset for its_epoch, number, offset in rows if its_epoch == epoch}
        if sequence in window:
            return OK, window[sequence]
        if sequence != max(window, default=-1) + 1:
            return OUT_OF_ORDER_SEQUENCE_NUMBER, -1
        end = await db.execute("SELECT count(*) FROM log")
        [(offset,)] = await end.fetchall()
        await db.execute("INSERT INTO log VALUES (%s, %s)", (offset, value))
        await db.execute(REMEMBER, (producer, epoch, sequence, offset))
        await db.execute(FORGET, (producer, epoch, sequence - REMEMBERED))
        return OK, offset
