"""Takes the number of messages of the first night for that of all nights: who hears nothing sends more.

Fails: test_a_general_who_sends_again
"""


async def adversary(protocol):
    _, _, sent = await protocol.run(())
    lost = ()
    for message in reversed(range(sent)):
        lost = (*lost, message)
        a_attacks, b_attacks, _ = await protocol.run(lost)
        if a_attacks != b_attacks:
            await protocol.answer(lost)
            return
    await protocol.answer(None)
