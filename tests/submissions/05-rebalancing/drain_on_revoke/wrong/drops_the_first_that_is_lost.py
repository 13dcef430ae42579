"""Of the partitions that are lost only the first one's orders are dropped.

Fails: test_several_partitions_that_are_lost_at_once
"""

SIZE = 3


async def consume(consumer, warehouse):
    collected = {}

    async def load(partition):
        messages = collected.pop(partition, [])
        if messages:
            await warehouse.load([message.value().decode() for message in messages])
            await consumer.commit(message=messages[-1], asynchronous=False)

    async def on_revoke(_, partitions):
        for tp in partitions:
            await load(tp.partition)

    async def on_lost(_, partitions):
        collected.pop(partitions[0].partition, None)

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
