"""A flag against draining twice is never taken back: the second time that partitions leave nothing is loaded.

Fails: test_partitions_that_leave_twice
"""

SIZE = 3


async def consume(consumer, warehouse):
    collected = {}
    draining = False

    async def load(partition):
        messages = collected.pop(partition, [])
        if messages:
            await warehouse.load([message.value().decode() for message in messages])
            await consumer.commit(message=messages[-1], asynchronous=False)

    async def on_revoke(_, partitions):
        nonlocal draining
        if draining:
            return
        draining = True
        for tp in partitions:
            await load(tp.partition)

    async def on_lost(_, partitions):
        for tp in partitions:
            collected.pop(tp.partition, None)

    await consumer.subscribe(["orders"], on_revoke=on_revoke, on_lost=on_lost)
    while True:
        message = await consumer.poll(1.0)
        if message is None:
            for partition in list(collected):
                await load(partition)
            continue
        waiting = collected.setdefault(message.partition(), [])
        waiting.append(message)
        if len(waiting) == SIZE:
            await load(message.partition())
