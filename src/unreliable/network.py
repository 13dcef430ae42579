"""The network: datagrams between processes.

Rules
- A message arrives `LATENCY_MS` after it was sent, in the order of sending.
- Unless it is lost (*lose*), comes twice (*duplicate*), or comes `DELAY_MS` late, and so behind later ones
  (*delay*). The sender hears nothing of this: only the other process can tell it, by a message.
- What arrives while a process is down is gone with it; while it is busy, it waits in the process's inbox.
"""

from collections import deque
from typing import TYPE_CHECKING, ClassVar

from unreliable.requests import Plain, Receive, Request, Send

if TYPE_CHECKING:
    from unreliable.world import Process, World

LATENCY_MS = 1
DELAY_MS = 5_000


class Network:
    requests: ClassVar = (Send, Receive)

    def __init__(self, world: "World") -> None:
        self._world = world
        self._inboxes: dict[str, deque[tuple[str, Plain]]] = {}
        self._waiting: dict[str, int] = {}  # process: ticket of its receive

    def options(self, request: type[Request], process: "Process") -> tuple[str, ...]:
        return ("lose", "duplicate", "delay") if request is Send else ()

    def perform(self, process: "Process", request: Request, outcome: str) -> None:
        if isinstance(request, Send):
            self._send(process, request, outcome)
        elif isinstance(request, Receive):
            self._receive(process, request)

    def _send(self, process: "Process", request: Send, outcome: str) -> None:
        if self._world.trace is not None:
            self._world.trace.sent(process, request, outcome)
        known = request.to in self._world.processes  # what is sent to nobody arrives nowhere
        arrivals = {"lose": (), "duplicate": (0, 0), "delay": (DELAY_MS,)}.get(outcome, (0,))
        for late_ms in arrivals if known else ():
            arguments = (request.to, 0, process.name, request.payload)
            self._world.after(LATENCY_MS + late_ms, Network.arrive, self, *arguments)
        self._world.answer(process, None)

    def arrive(self, to: str, _: int, sender: str, payload: Plain) -> None:
        """A message reaches the machine of the process `to`."""
        process = self._world.processes[to]
        if process.driver is None:
            return
        self._inboxes.setdefault(to, deque()).append((sender, payload))
        if to in self._waiting:
            del self._waiting[to]
            self._hand_over(process)

    def _receive(self, process: "Process", request: Receive) -> None:
        if self._inboxes.get(process.name):
            self._hand_over(process)
            return
        assert process.heard is not None
        ticket = self._waiting[process.name] = len(process.heard)
        if request.timeout_ms is not None:
            self._world.after(request.timeout_ms, Network.waited_in_vain, self, *process.here, ticket)

    def _hand_over(self, process: "Process") -> None:
        sender, payload = self._inboxes[process.name].popleft()
        if self._world.trace is not None:
            self._world.trace.received(process, sender, payload)
        process.at_moment = -1  # a message is progress
        self._world.answer(process, (sender, payload), 0)

    def waited_in_vain(self, name: str, life: int, ticket: int) -> None:
        """The time of a receive is over."""
        if self._world.alive(name, life) and self._waiting.get(name) == ticket:
            del self._waiting[name]
            process = self._world.processes[name]
            self._world.waited(process)
            self._world.answer(process, None, 0)

    def crashed(self, process: "Process") -> None:
        self._inboxes.pop(process.name, None)
        self._waiting.pop(process.name, None)

    def state(self) -> object:
        """What has arrived and was not received yet."""
        return tuple((name, tuple(box)) for name, box in sorted(self._inboxes.items()) if box)
