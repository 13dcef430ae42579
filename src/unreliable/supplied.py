"""Objects that a scenario supplies: what a process is handed beside the clients of brokers and databases.

Rules
- A supplied object is an ordinary one with plain methods; the process awaits them, and each call is a request.
- Arguments and replies are plain data. A TypeError or ValueError of a method is raised in the process that called.
- The object is part of what lasts: a crash does not touch it. Its attributes are plain data too (tuples instead of
  lists), because states of the world are compared by them and shown; a name with an underscore is for what never
  changes.
- A call neither fails nor gets lost; a process may crash or pause before it, as before any request.
"""

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from unreliable.clients.other import plain
from unreliable.requests import Ask, Failure, Plain, Request

if TYPE_CHECKING:
    from unreliable.world import Process, World


class Supplies:
    """The supplied objects of one run, by the names of the parameters that they are handed as."""

    requests: ClassVar = (Ask,)

    def __init__(self, world: "World") -> None:
        self._world = world
        self.objects: dict[str, Any] = {name: make() for name, make in world.scenario.supplies}

    def options(self, request: type[Request], process: "Process") -> tuple[str, ...]:
        return ()

    def perform(self, process: "Process", request: Request, outcome: str) -> None:
        assert isinstance(request, Ask)
        before = self.state()
        reply = self._call(process, request)
        if before != self.state():
            self._world.changed()
        if self._world.trace is not None:
            self._world.trace.asked(process, request, reply)
        self._world.answer(process, reply)

    def _call(self, process: "Process", request: Ask) -> Plain | Failure:
        handed = request.of in process.spec.objects and not request.method.startswith("_")
        method = getattr(self.objects.get(request.of), request.method, None) if handed else None
        if not inspect.ismethod(method):
            return Failure("AttributeError", (f"{request.of} has no method {request.method!r}",))
        try:
            _signature(method.__func__).bind(method.__self__, *request.arguments)
            return plain(method(*request.arguments))
        except (TypeError, ValueError) as error:
            return Failure(type(error).__name__, (f"{request.of}.{request.method}: {error}",))

    def crashed(self, process: "Process") -> None:
        return None

    def state(self) -> tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]:
        """The objects' attributes, as far as they can change."""
        return tuple((name, _attributes(thing)) for name, thing in self.objects.items())


@lru_cache(maxsize=64)
def _signature(method: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(method)


def _attributes(thing: Any) -> tuple[tuple[str, Any], ...]:
    return tuple(item for item in thing.__dict__.items() if not item[0].startswith("_"))
