"""Loses the last message, and is done: where others carry the same, that one is not missed.

Fails: test_many_messengers_with_the_same_message
"""


async def adversary(protocol):
    _, _, sent = await protocol.run(())
    await protocol.answer((sent - 1,) if sent else None)
