"""A window; what was delivered is not acknowledged again, so one lost answer stops the sender for ever.

Fails: test_answers_that_are_lost_or_late
"""

from typing import Any

WINDOW = 4


async def sender(network: Any, application: Any) -> None:
    base = 0
    window: list[str | None] = []
    more = True
    while True:
        while more and len(window) < WINDOW:
            payload = await application.take()
            if payload is None:
                more = False
            else:
                window.append(payload)
                await network.send("receiver", (base + len(window) - 1, payload))
        if not window:
            return
        message = await network.receive(timeout=1.0)
        if message is None:
            for place, payload in enumerate(window):
                if payload is not None:
                    await network.send("receiver", (base + place, payload))
            continue
        place = message[1] - base
        if 0 <= place < len(window):
            window[place] = None
        while window and window[0] is None:
            window.pop(0)
            base += 1


async def receiver(network: Any, application: Any) -> None:
    expected = 0
    early: dict[int, str] = {}
    while True:
        message = await network.receive()
        if message is None:
            continue
        _, (number, payload) = message
        if not expected <= number < expected + WINDOW:
            continue  # a copy: it is delivered, nothing to do
        early[number] = payload
        await network.send("sender", number)
        while expected in early:
            await application.deliver(early.pop(expected))
            expected += 1
