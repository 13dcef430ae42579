"""Payloads cross a network that loses, duplicates and delays: each once, in order, with a few values in memory.

The tests read as the specification. Each lets the submission run under every schedule of its kind of fault.
"""

from dataclasses import replace

from unreliable import Anomaly, Process, Scenario, World

PAYLOADS = ("a", "b", "b", "c")  # two in a row are alike
SIXTEEN = tuple(map(str, range(16)))  # more than three bits can number, or a short memory holds
MANY = tuple(map(str, range(70)))  # more than six bits can number
FEW = 48  # values in memory: enough for a window of several messages, and not for MANY numbers


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


class Line:
    """A bad one: the first messages of the sender are lost."""

    def __init__(self) -> None:
        self.passes_after = 6

    def passes(self) -> bool:
        """Whether the next message is not lost."""
        self.passes_after -= 1
        return self.passes_after < 0


async def carry(network, line):
    """Stands between the two: behind the 64th message the first thirty come once more, and so do their answers."""
    passed = {"far end": [], "near end": []}
    while True:
        who, data = await network.receive()
        to = "far end" if who == "near end" else "near end"
        if to == "far end" and not await line.passes():
            continue
        passed[to].append(data)
        await network.send(to, data)
        if to == "far end" and len(passed[to]) == 64:
            for end, copies in passed.items():
                for copy in copies[:30]:
                    await network.send(end, copy)


async def carry_back(network):
    """What goes to the sender goes to the line."""
    while True:
        _, data = await network.receive()
        await network.send("receiver", data)


def once_and_in_order(payloads: tuple[str, ...]):
    """The check: what was delivered is what was to be sent."""

    def check(world: World) -> Anomaly | None:
        return compare(payloads, world.supplies.objects["application"].delivered)

    return check


def compare(wanted: tuple[str, ...], delivered: tuple[str, ...]) -> Anomaly | None:
    told = f"Delivered were {listed(delivered)} of {listed(wanted)}"
    if delivered == wanted:
        return None
    if sorted(map(str, delivered)) == sorted(wanted):
        return Anomaly("reordering", f"{told}, in the wrong order.")
    if any(delivered.count(payload) > wanted.count(payload) for payload in delivered):
        return Anomaly("duplicate effect", f"{told}: one of them too often.")
    return Anomaly("lost message", f"{told}: one of them is missing.")


def listed(payloads: tuple[str, ...]) -> str:
    """The payloads, or only how many, if there are too many to be read."""
    if len(payloads) > 2 * len(SIXTEEN):
        return f"{len(payloads)} payloads"
    return ", ".join(map(str, payloads)) or "none"


SCENARIO = Scenario(
    name="channel",
    processes=(
        Process("sender", "sender", ("network", "application")),
        Process("receiver", "receiver", ("network", "application")),
    ),
    check=once_and_in_order(PAYLOADS),
    supplies=(("application", lambda: Application(PAYLOADS)),),
    most_steps=400,
)
ANSWERS = replace(
    SCENARIO,
    processes=(
        Process("sender", "sender", ("network", "application"), faults=frozenset()),  # its messages are in time
        Process("receiver", "receiver", ("network", "application")),
    ),
    check=once_and_in_order(SIXTEEN[:8]),
    supplies=(("application", lambda: Application(SIXTEEN[:8])),),
)
LATE = replace(
    SCENARIO,
    processes=(
        Process("sender", "sender", ("network", "application")),
        Process("receiver", "receiver", ("network", "application"), faults=frozenset()),  # its answers are in time
    ),
    check=once_and_in_order(SIXTEEN),
    supplies=(("application", lambda: Application(SIXTEEN)),),
)
LONG = replace(
    SCENARIO,
    check=once_and_in_order(MANY),
    supplies=(("application", lambda: Application(MANY)),),
    most_steps=10_000,
    most_values=FEW,
)
BAD_LINE = replace(
    LONG,
    processes=(
        replace(SCENARIO.processes[0], name="near end"),
        Process("receiver", carry),
        Process("sender", carry_back),
        replace(SCENARIO.processes[1], name="far end"),
    ),
    supplies=(*LONG.supplies, ("line", Line)),
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


def test_a_copy_that_comes_much_later(verify):
    """A message may come when all sixteen payloads have long been delivered: it is no new one."""
    verify(LATE.with_faults("delay"))


def test_answers_that_are_lost_or_late(verify):
    """Eight payloads, more than a short window holds: an answer that is missing, or old, stops nothing."""
    verify(ANSWERS.with_faults("lose", "delay"))


def test_all_of_it_together(verify):
    """Lost, twice and late, in any combination."""
    verify(SCENARIO.with_faults("lose", "duplicate", "delay"))


def test_many_payloads_and_little_memory(verify):
    """Seventy payloads, and at no time more than 48 values in the memory of a process."""
    verify(LONG)


def test_a_line_that_is_bad_again_and_again(verify):
    """Six messages are lost in a row; much later thirty old ones come again, and are neither new nor kept."""
    verify(BAD_LINE)
