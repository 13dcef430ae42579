"""Break any agreement between two generals: lose messages until exactly one of them attacks.

Two generals will win if both attack, and lose all if only one does. They agree by messengers, according to a plan
that is handed to you as `protocol`. You are the valley between them: you decide which messages get lost.

- `await protocol.run(lost)` plays one night from its beginning: `(a_attacks, b_attacks, sent)`. `lost` is a tuple
  of the numbers of the messages that get lost; the first message sent in that night is 0. `sent` is how many were
  sent, with the lost ones. The same losses always give the same night. Other losses may make the generals send
  other messages, and more of them.
- `await protocol.answer(lost)` is your answer: with these losses exactly one general attacks. `answer(None)` says
  that there are no such losses: what the generals do never depends on a message. Every plan here that can be
  broken is broken by losing all messages from some one on.

You may run each protocol 200 times, which is far less than there are ways to choose among thirty messages.
"""

from typing import Protocol


class Agreement(Protocol):
    async def run(self, lost: tuple[int, ...]) -> tuple[bool, bool, int]: ...
    async def answer(self, lost: tuple[int, ...] | None) -> None: ...


async def adversary(protocol: Agreement) -> None:
    # TODO: this loses nothing. Which message should be lost next?
    lost: tuple[int, ...] = ()
    await protocol.run(lost)
    await protocol.answer(lost)
