"""Loses the first message: the conversation never begins, and the generals agree not to attack.

Fails: test_an_order_and_its_answer
"""


async def adversary(protocol):
    await protocol.run(())
    await protocol.answer((0,))
