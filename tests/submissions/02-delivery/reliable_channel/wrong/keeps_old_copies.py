"""A window; what comes early waits in a dict, and so does for ever each copy of what was delivered.

Fails: test_a_line_that_is_bad_again_and_again
"""

from collections import deque

WINDOW = 2


async def sender(network, application):
    base, flight, more = 0, deque(), True
    while True:
        while more and len(flight) < WINDOW:
            payload = await application.take()
            if payload is None:
                more = False
            else:
                flight.append(payload)
                await network.send("receiver", (base + len(flight) - 1, payload))
        if not flight:
            return
        heard = await network.receive(timeout=1.0)
        if heard is None:
            for place, payload in enumerate(flight):
                await network.send("receiver", (base + place, payload))
            continue
        while flight and base < heard[1]:
            flight.popleft()
            base += 1


async def receiver(network, application):
    wanted, early = 0, {}
    while True:
        message = await network.receive()
        if message is None:
            continue
        who, (number, payload) = message
        early[number] = payload  # an old copy stays here for ever
        while wanted in early:
            await application.deliver(early.pop(wanted))
            wanted += 1
        await network.send(who, wanted)
