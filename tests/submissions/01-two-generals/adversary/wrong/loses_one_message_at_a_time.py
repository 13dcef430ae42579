"""Tries each message alone: with copies, or with a second attempt, none of them matters alone.

Fails: test_many_messengers_with_the_same_message
"""


async def adversary(protocol):
    _, _, sent = await protocol.run(())
    for message in range(sent):
        a_attacks, b_attacks, _ = await protocol.run((message,))
        if a_attacks != b_attacks:
            await protocol.answer((message,))
            return
    await protocol.answer(None)
