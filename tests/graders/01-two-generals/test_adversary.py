"""Whatever two generals agree upon by messengers: some losses leave one of them alone, or messages never mattered.

The tests read as the specification. Each hands the submission one plan of the generals.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from unreliable import Anomaly, Event, Process, Scenario, World

MOST_RUNS = 200
TURNS = 60
GENERALS = (("A", "B"), ("B", "A"))  # who sends in an even and in an odd turn, and to whom
NIGHT_MS = 1_000


@dataclass(frozen=True)
class Plan:
    """What the generals do, turn by turn; A has the even turns, B the odd ones.

    `messengers` says how many a general sends in this turn, from the turns in which messages have reached it;
    `attacks` says whether it attacks, from the same. No general knows anything else.
    """

    messengers: Callable[[int, tuple[int, ...]], int]
    attacks: Callable[[str, tuple[int, ...]], bool]

    def night(self, lost: tuple[int, ...]) -> tuple[bool, bool, int]:
        """Whether A attacks, whether B does, and how many messages were sent."""
        heard, turns = self._messages(lost)
        return self.attacks("A", heard["A"]), self.attacks("B", heard["B"]), len(turns)

    def story(self, lost: tuple[int, ...]) -> Iterator[Event]:
        """The night as the diagram shows it."""
        heard, turns = self._messages(lost)
        for general in ("A", "B"):
            yield told_event(NIGHT_MS, general, "start", f"{general} starts", "start")
        for number, turn in enumerate(turns):
            (me, other), arrives = GENERALS[turn % 2], number not in lost
            text = f"{me} sends message {number} to {other}{'' if arrives else '; it is lost'}"
            yield told_event(NIGHT_MS + number, me, "send", text, f"{number}", other, arrives)
            if arrives:
                text = f"{other} receives message {number} from {me}"
                yield told_event(NIGHT_MS + number, other, "receive", text, f"{number}", me)
        for general in ("A", "B"):
            does = "attacks" if self.attacks(general, heard[general]) else "stays at home"
            yield told_event(2 * NIGHT_MS, general, "return", f"{general} {does}", does)

    def _messages(self, lost: tuple[int, ...]) -> tuple[dict[str, tuple[int, ...]], list[int]]:
        """The turns in which messages have reached each general, and the turn of each message sent."""
        heard: dict[str, tuple[int, ...]] = {"A": (), "B": ()}
        turns: list[int] = []
        for turn in range(TURNS):
            me, other = GENERALS[turn % 2]
            for _ in range(self.messengers(turn, heard[me])):
                if len(turns) not in lost:
                    heard[other] += (turn,)
                turns.append(turn)
        return heard, turns


def told_event(  # noqa: PLR0913, PLR0917
    time_ms: int, who: str, kind: str, text: str, label: str, to: str | None = None, arrives: bool = True
) -> Event:
    return Event(0, time_ms, who, kind, None, text, label, to, None if arrives else "request", {})


class Protocol:
    """A plan as the adversary sees it: it can be run again and again, and takes one answer."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.runs = 0
        self.answers = ()

    def run(self, lost: tuple[int, ...]) -> tuple[bool, bool, int]:
        """One night with these losses."""
        if self.runs == MOST_RUNS:
            raise ValueError(f"it was run {MOST_RUNS} times already, and morning has come")
        self.runs += 1
        return self._plan.night(numbers(lost))

    def answer(self, lost: tuple[int, ...] | None) -> None:
        """The losses that leave one general alone, or None."""
        self.answers += (None if lost is None else numbers(lost),)


def numbers(lost: object) -> tuple[int, ...]:
    """Raises TypeError for what is not a tuple of numbers."""
    if not isinstance(lost, tuple) or not all(type(message) is int for message in lost):
        raise TypeError(f"expected a tuple of the numbers of messages, not {lost!r}")
    return lost


def exactly_one_attacks(plan: Plan, world: World) -> Anomaly | None:
    """The answer is right if the night that it describes is."""
    protocol = world.supplies.objects["protocol"]
    if len(protocol.answers) != 1:
        given = len(protocol.answers)
        return Anomaly("stuck", f"The adversary has to answer once, and answered {given or 'not at all'}.")
    [answer] = protocol.answers
    if answer is None:
        lost = breaking(plan)
        if lost is None:
            return None
        world.show(plan.story(lost))
        return Anomaly("wrong answer", f"The answer was None, but {told(plan, lost)}")
    world.show(plan.story(answer))
    a_attacks, b_attacks, _ = plan.night(answer)
    if a_attacks == b_attacks:
        return Anomaly("wrong answer", f"As answered, {told(plan, answer)}")
    return None


def told(plan: Plan, lost: tuple[int, ...]) -> str:
    a_attacks, b_attacks, _ = plan.night(lost)
    who = {
        (True, True): "both generals attack",
        (True, False): "only general A attacks",
        (False, True): "only general B attacks",
        (False, False): "nobody attacks",
    }[a_attacks, b_attacks]
    which = ", ".join(map(str, lost[:5])) + (" and so on" if len(lost) > 5 else "")
    return f"with {f'message {which}' if lost else 'nothing'} lost {who}."


def breaking(plan: Plan) -> tuple[int, ...] | None:
    """Losses that leave one general alone: those of the proof, all messages from some one on."""
    most = TURNS * 10
    nights = (tuple(range(first, most)) for first in range(plan.night(())[2] + 1))
    return next((lost for lost in nights if len(set(plan.night(lost)[:2])) > 1), None)


def scenario(plan: Plan) -> Scenario:
    return Scenario(
        name="night",
        processes=(Process("adversary", "adversary", ("protocol",)),),
        check=partial(exactly_one_attacks, plan),
        supplies=(("protocol", lambda: Protocol(plan)),),
        most_steps=2 * MOST_RUNS,
    )


def handshake(messages: int) -> Plan:
    """Each message is answered by the next, up to so many; a general attacks when it has heard all of its own."""

    def attacks(who: str, heard: tuple[int, ...]) -> bool:
        return len(heard) == (messages // 2 if who == "A" else messages - messages // 2)

    return Plan(lambda turn, heard: turn < messages and (turn == 0 or turn - 1 in heard), attacks)


COPIES = Plan(lambda turn, _: 5 * (turn == 0), lambda who, heard: who == "A" or bool(heard))
SENDS_AGAIN = Plan(
    lambda turn, heard: (turn < 8 and not heard) if turn % 2 == 0 else turn - 1 in heard,
    lambda _, heard: bool(heard),
)
# B answers, or says in turn 3 that it has heard nothing; A attacks unless that is what it hears.
CALLS_OFF = Plan(
    lambda turn, heard: turn == 0 or (turn == 3 and not heard), lambda who, heard: bool(heard) == (who == "B")
)
ANYWAY = Plan(lambda turn, _: turn < 4, lambda _, __: True)
NEVER = Plan(lambda turn, _: turn < 4, lambda _, __: False)
SCENARIO = scenario(handshake(3))


def test_an_order(verify):
    """A sends an order and attacks; B attacks if the order arrives."""
    verify(scenario(handshake(1)))


def test_an_order_and_its_answer(verify):
    """B answers, and A attacks only when it has the answer."""
    verify(scenario(handshake(2)))


def test_a_handshake_of_thirty_messages(verify):
    """Each message is answered, thirty times."""
    verify(scenario(handshake(30)))


def test_many_messengers_with_the_same_message(verify):
    """Five messengers carry the same order; one is enough."""
    verify(scenario(COPIES))


def test_a_general_who_sends_again(verify):
    """A sends the order again until it is answered, four times at most."""
    verify(scenario(SENDS_AGAIN))


def test_a_general_who_calls_it_off(verify):
    """B tells A if it has heard nothing, and A then stays at home."""
    verify(scenario(CALLS_OFF))


def test_generals_who_attack_anyway(verify):
    """Both attack at dawn, whatever they hear: there is nothing to break."""
    verify(scenario(ANYWAY))


def test_generals_who_never_attack(verify):
    """Both stay at home, whatever they hear: there is nothing to break."""
    verify(scenario(NEVER))
