"""Ends when a loss has made both stay at home: the message that called it off can get lost as well.

Fails: test_a_general_who_calls_it_off
"""


async def adversary(protocol):
    lost = ()
    while True:
        a_attacks, b_attacks, sent = await protocol.run(lost)
        if a_attacks != b_attacks:
            await protocol.answer(lost)
            return
        arrived = [message for message in range(sent) if message not in lost]
        if not arrived or not (a_attacks or b_attacks):
            await protocol.answer(None)
            return
        lost = (*lost, arrived[-1])
