"""Goes on until somebody attacks alone; with generals who never listen that does not happen.

Fails: test_generals_who_attack_anyway
"""


async def adversary(protocol):
    lost = ()
    while True:
        a_attacks, b_attacks, sent = await protocol.run(lost)
        if a_attacks != b_attacks:
            await protocol.answer(lost)
            return
        lost = (*lost, max([message for message in range(sent) if message not in lost], default=0))
