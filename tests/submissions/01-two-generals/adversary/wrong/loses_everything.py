"""Loses every message: then nobody knows anything, and nobody attacks alone.

Fails: test_an_order_and_its_answer
"""


async def adversary(protocol):
    _, _, sent = await protocol.run(())
    await protocol.answer(tuple(range(sent)))
