"""The proof as a program: lose the last message that arrives, again and again."""

from typing import Protocol


class Agreement(Protocol):
    async def run(self, lost: tuple[int, ...]) -> tuple[bool, bool, int]: ...
    async def answer(self, lost: tuple[int, ...] | None) -> None: ...


async def adversary(protocol: Agreement) -> None:
    lost: tuple[int, ...] = ()
    while True:
        a_attacks, b_attacks, sent = await protocol.run(lost)
        if a_attacks != b_attacks:
            await protocol.answer(lost)
            return
        arrived = [message for message in range(sent) if message not in lost]
        if not arrived:
            await protocol.answer(None)
            return
        lost = (*lost, arrived[-1])
