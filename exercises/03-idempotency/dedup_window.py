"""Recognise what was sent again, without remembering all of it.

`lead` is the leader of a partition. Producers send it records, each with the producer's id, its epoch and a
sequence number: 0, 1, 2 and so on. A request is `(correlation, producer, epoch, sequence, value)`. The answer is
`(correlation, code, offset)`: the correlation is the request's, by which the producer knows what was answered; the
codes are Kafka's; if the record is refused, the offset is -1.

- A record that follows the last one of its producer is appended to `log`, once. The first record has offset 0. The
  answer is 0 and its offset.
- A record with the sequence number of one of the last five of its producer is a duplicate: the answer is 0 and the
  offset that it has already.
- Any other is answered 45, OUT_OF_ORDER_SEQUENCE_NUMBER: records before it are missing, or it is too old to be
  recognised.
- A producer begins with sequence 0, and so does a new epoch of it. If its first record is refused, nothing begins.
- Once an epoch has begun, what comes of an older one is answered 47, INVALID_PRODUCER_EPOCH: the producer was
  replaced.

(From an idempotent producer that it does not know Kafka takes any number, because retention may have deleted what
was before. Here nothing is deleted.)

Producers send again what was not answered, with up to five records under way. The network may lose a message,
deliver it twice or late. The leader may crash at every `await`; then it, or a successor, starts again from the
top with nothing but the tables. A statement may fail, and the answer to a COMMIT may get lost. An exception that
you do not catch ends the process, which is restarted as after a crash. However many records there are, neither the
memory nor the tables beside the log may hold more than the last five of each producer.

The tables are there already:

    log (log_offset INTEGER PRIMARY KEY, value TEXT NOT NULL)
    appended (producer TEXT, epoch INTEGER, sequence INTEGER, log_offset INTEGER,
        PRIMARY KEY (producer, epoch, sequence))
"""

from typing import Any, Protocol

from psycopg import AsyncConnection

OK, OUT_OF_ORDER_SEQUENCE_NUMBER, INVALID_PRODUCER_EPOCH = 0, 45, 47
REMEMBER = "INSERT INTO appended VALUES (%s, %s, %s, %s)"
FIND = """
    SELECT log_offset FROM appended
    WHERE producer = %s AND epoch = %s AND sequence = %s
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
        # TODO: this remembers every record for ever,
        # and appends whatever it does not remember.
        known = await db.execute(FIND, (producer, epoch, sequence))
        for (offset,) in await known.fetchall():
            return OK, offset
        end = await db.execute("SELECT count(*) FROM log")
        [(offset,)] = await end.fetchall()
        await db.execute("INSERT INTO log VALUES (%s, %s)", (offset, value))
        await db.execute(REMEMBER, (producer, epoch, sequence, offset))
        return OK, offset
