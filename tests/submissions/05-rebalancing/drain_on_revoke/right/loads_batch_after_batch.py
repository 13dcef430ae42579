"""Nothing stays between two polls: a batch is taken, loaded and committed before the next one."""


async def consume(consumer, warehouse):
    await consumer.subscribe(["orders"])
    while True:
        messages = await consumer.consume(num_messages=6, timeout=1.0)
        for partition in sorted({m.partition() for m in messages}):
            mine = [m for m in messages if m.partition() == partition]
            for start in range(0, len(mine), 3):
                part = mine[start : start + 3]
                await warehouse.load([m.value().decode() for m in part])
                await consumer.commit(message=part[-1], asynchronous=False)
