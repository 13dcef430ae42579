"""One consumer that sends each message at most once, and one that sends it at least once.

The topic `newsletters` carries newsletters, the topic `alarms` carries fire alarms; a message's value is its id.
`db` stands for a gateway from which no message comes back: a row in the table `newsletters` or `alarms` is a text
message on somebody's telephone.

    newsletters (id TEXT NOT NULL)
    alarms (id TEXT NOT NULL)

Your processes may crash at every `await`; then they start again from the top, at the offset that their group has
committed. An `INSERT` may fail. A commit may fail, and then nobody tells you whether it happened. A process that
stands still for too long is no longer a member of its group: its partition goes to another, and its commits are
refused. An exception that you do not catch ends the process, which is restarted as after a crash.

- `at_most_once`: no newsletter is ever sent twice.
- `at_least_once`: no alarm is ever missing.
- In both, one fault costs at most one message: the one in hand is missing, or is sent again, but no other.
- Without any fault each message is sent once, in its order, and its offset is committed.
"""

from confluent_kafka.aio import AIOConsumer
from psycopg import AsyncConnection

# TODO: neither commits. Let each of them do it, at its own place.


async def at_most_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await db.execute("INSERT INTO newsletters (id) VALUES (%s)", (message.value().decode(),))


async def at_least_once(consumer: AIOConsumer, db: AsyncConnection) -> None:
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        await db.execute("INSERT INTO alarms (id) VALUES (%s)", (message.value().decode(),))
