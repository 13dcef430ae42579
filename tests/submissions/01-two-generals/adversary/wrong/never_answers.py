"""Finds the losses and returns them, instead of handing them in.

Fails: test_an_order
"""


async def adversary(protocol):
    lost = ()
    while True:
        a_attacks, b_attacks, sent = await protocol.run(lost)
        arrived = [message for message in range(sent) if message not in lost]
        if a_attacks != b_attacks or not arrived:
            return lost
        lost = (*lost, arrived[-1])
