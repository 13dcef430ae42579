"""The same chain from its other end: nothing arrives, then the first message, then the first two."""


async def adversary(protocol):
    _, _, most = await protocol.run(())
    for through in range(most + 1):
        lost = tuple(range(through, 300))
        a_attacks, b_attacks, _ = await protocol.run(lost)
        if a_attacks != b_attacks:
            await protocol.answer(lost)
            return
    await protocol.answer(None)
