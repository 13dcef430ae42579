"""Looks for the step at which one of the two changes its mind."""


async def adversary(protocol):
    lost, before = [], None
    while True:
        a_attacks, b_attacks, sent = await protocol.run(lost)
        if before is not None and (a_attacks, b_attacks) != before and a_attacks is not b_attacks:
            return await protocol.answer(lost)
        if before is None and a_attacks is not b_attacks:
            return await protocol.answer(lost)
        before = (a_attacks, b_attacks)
        arrived = sorted(set(range(sent)).difference(lost))
        if not arrived:
            return await protocol.answer(None)
        lost.append(arrived.pop())
