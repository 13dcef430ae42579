"""Looks only for nights in which A attacks alone; it can be B who is left alone.

Fails: test_an_order_and_its_answer
"""


async def adversary(protocol):
    lost = ()
    while True:
        a_attacks, b_attacks, sent = await protocol.run(lost)
        if a_attacks and not b_attacks:
            await protocol.answer(lost)
            return
        arrived = [message for message in range(sent) if message not in lost]
        if not arrived:
            await protocol.answer(None)
            return
        lost = (*lost, arrived[-1])
