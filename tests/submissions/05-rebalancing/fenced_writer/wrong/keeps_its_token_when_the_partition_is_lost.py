"""Gives its token up in on_revoke only: after a loss it comes back with the old one, which another has passed.

Fails: test_two_owners_that_stand_still
"""

DRAW = "UPDATE owners SET token = token + 1 WHERE partition = %s RETURNING token"
WRITE = """
    INSERT INTO prices (product, price, token) VALUES (%s, %s, %s)
    ON CONFLICT (product) DO UPDATE SET price = excluded.price, token = excluded.token
    WHERE prices.token <= excluded.token
"""


async def consume(consumer, db):
    tokens = {}

    async def draw(partition):
        drawn = await db.execute(DRAW, (partition,))
        [tokens[partition]] = await drawn.fetchone()

    async def on_assign(_, partitions):
        for tp in partitions:
            if tp.partition not in tokens:
                await draw(tp.partition)

    async def on_revoke(_, partitions):
        for tp in partitions:
            tokens.pop(tp.partition, None)

    async def on_lost(_, partitions):
        pass  # may be given back

    await consumer.subscribe(["prices"], on_assign=on_assign, on_revoke=on_revoke, on_lost=on_lost)
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            continue
        p = message.partition()
        done = await db.execute(WRITE, (message.key().decode(), int(message.value()), tokens[p]))
        if done.rowcount == 0:
            raise RuntimeError("fenced")
        await consumer.commit(message=message, asynchronous=False)
