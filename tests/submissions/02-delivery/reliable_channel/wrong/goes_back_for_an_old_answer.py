"""A window whose beginning follows each answer, also one that is older than the last: payloads fall out of it.

Fails: test_a_line_that_is_bad_again_and_again
"""

from typing import Any

WINDOW = 4


async def sender(network: Any, application: Any) -> None:
    base = 0
    window: list[str] = []
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
                await network.send("receiver", (base + place, payload))
            continue
        _, next_number = message
        del window[: next_number - base]
        base = next_number


async def receiver(network: Any, application: Any) -> None:
    expected = 0
    while True:
        message = await network.receive()
        if message is None:
            continue
        _, (number, payload) = message
        if number == expected:
            await application.deliver(payload)
            expected += 1
        await network.send("sender", expected)
