"""Binary search: some first messages are too few for both to attack, all of them are enough."""


async def adversary(protocol):
    async def night(through):
        lost = tuple(range(through, 300))
        a_attacks, b_attacks, _ = await protocol.run(lost)
        return lost, a_attacks, b_attacks

    _, _, most = await protocol.run(())
    few, many = 0, most
    _, at_few, _ = first = await night(few)
    _, at_many, _ = last = await night(many)
    for lost, a_attacks, b_attacks in (first, last):
        if a_attacks != b_attacks:
            await protocol.answer(lost)
            return
    if at_few == at_many:
        await protocol.answer(None)
        return
    while True:
        middle = (few + many) // 2
        lost, a_attacks, b_attacks = await night(middle)
        if a_attacks != b_attacks:
            await protocol.answer(lost)
            return
        if a_attacks == at_few:
            few = middle
        else:
            many = middle
