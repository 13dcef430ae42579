"""Takes a night in which the two do not both attack for a broken one; that nobody attacks is no harm.

Fails: test_a_general_who_calls_it_off
"""


async def adversary(protocol):
    lost = ()
    while True:
        a_attacks, b_attacks, sent = await protocol.run(lost)
        if not (a_attacks and b_attacks):
            await protocol.answer(lost)
            return
        arrived = [message for message in range(sent) if message not in lost]
        if not arrived:
            await protocol.answer(None)
            return
        lost = (*lost, arrived[-1])
