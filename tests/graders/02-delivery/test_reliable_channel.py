"""Payloads cross a network that loses, duplicates and delays: each once, in order, with a few values in memory.

The tests read as the specification. Each lets the submission run under every schedule of its kind of fault.
"""

from dataclasses import replace

from unreliable import Anomaly, Process, Scenario, World

PAYLOADS = ("a", "b", "b", "c")  # two in a row are alike
MANY = 60
FEW = 48  # values in memory: enough for a window of several messages, and not for one value for each of MANY


class Application:
    """Both ends: gives the payloads to the sender and takes them from the receiver."""

    def __init__(self, payloads: tuple[str, ...]) -> None:
        self.left = payloads
        self.delivered = ()

    def take(self) -> str | None:
        """The next payload, or None."""
        first, self.left = (self.left[0], self.left[1:]) if self.left else (None, ())
        return first

    def deliver(self, payload: str) -> None:
        """The receiver's application has the payload."""
        self.delivered += (payload,)


def once_and_in_order(world: World) -> Anomaly | None:
    """What was delivered is what was to be sent."""
    application = world.supplies.objects["application"]
    return compare(PAYLOADS, application.delivered)


def all_delivered(world: World) -> Anomaly | None:
    """The long run: numbers as payloads."""
    application = world.supplies.objects["application"]
    return compare(numbers(), application.delivered)


def compare(wanted: tuple[str, ...], delivered: tuple[str, ...]) -> Anomaly | None:
    told = f"Delivered were {', '.join(map(str, delivered)) or 'none'} of {', '.join(wanted)}"
    if delivered == wanted:
        return None
    if sorted(map(str, delivered)) == sorted(wanted):
        return Anomaly("reordering", f"{told}, in the wrong order.")
    if any(delivered.count(payload) > wanted.count(payload) for payload in delivered):
        return Anomaly("duplicate effect", f"{told}: one of them too often.")
    return Anomaly("lost message", f"{told}: one of them is missing.")


def numbers() -> tuple[str, ...]:
    return tuple(map(str, range(MANY)))


SCENARIO = Scenario(
    name="channel",
    processes=(
        Process("sender", "sender", ("network", "application")),
        Process("receiver", "receiver", ("network", "application")),
    ),
    check=once_and_in_order,
    supplies=(("application", lambda: Application(PAYLOADS)),),
    most_steps=400,
)
LONG = replace(
    SCENARIO,
    check=all_delivered,
    supplies=(("application", lambda: Application(numbers())),),
    most_steps=4_000,
    most_values=FEW,
)


def test_a_network_without_faults(verify):
    """Without any fault each payload arrives once, also the two that are alike."""
    verify(SCENARIO)


def test_a_network_that_loses(verify):
    """Messages and answers may get lost; nobody is told."""
    verify(SCENARIO.with_faults("lose"))


def test_a_network_that_duplicates(verify):
    """Messages and answers may come twice."""
    verify(SCENARIO.with_faults("duplicate"))


def test_a_network_that_delays(verify):
    """Messages and answers may come five seconds late, behind those that were sent after them."""
    verify(SCENARIO.with_faults("delay"))


def test_all_of_it_together(verify):
    """Lost, twice and late, in any combination."""
    verify(SCENARIO.with_faults("lose", "duplicate", "delay"))


def test_many_payloads_and_little_memory(verify):
    """Sixty payloads, and at no time more than 48 values in the memory of a process."""
    verify(LONG)
