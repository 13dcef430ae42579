"""Takes a plan that survives three losses for a safe one.

Fails: test_many_messengers_with_the_same_message
"""


async def adversary(protocol):
    lost = ()
    while len(lost) <= 3:
        a_attacks, b_attacks, sent = await protocol.run(lost)
        if a_attacks != b_attacks:
            await protocol.answer(lost)
            return
        arrived = [message for message in range(sent) if message not in lost]
        if not arrived:
            break
        lost = (*lost, arrived[-1])
    await protocol.answer(None)
