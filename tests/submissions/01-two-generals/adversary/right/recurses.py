"""The chain as a recursion, with the losses as a set."""


async def adversary(protocol):
    await protocol.answer(await broken(protocol, frozenset()))


async def broken(protocol, lost):
    a_attacks, b_attacks, sent = await protocol.run(tuple(sorted(lost)))
    if a_attacks != b_attacks:
        return tuple(sorted(lost))
    arrived = set(range(sent)) - lost
    return await broken(protocol, lost | {max(arrived)}) if arrived else None
