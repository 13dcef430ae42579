"""Tries every set of messages, small ones last: for thirty messages the night is too short.

Fails: test_a_handshake_of_thirty_messages
"""


async def adversary(protocol):
    _, _, sent = await protocol.run(())
    for bits in reversed(range(2**sent)):
        lost = tuple(message for message in range(sent) if bits >> message & 1)
        a_attacks, b_attacks, _ = await protocol.run(lost)
        if a_attacks != b_attacks:
            await protocol.answer(lost)
            return
    await protocol.answer(None)
