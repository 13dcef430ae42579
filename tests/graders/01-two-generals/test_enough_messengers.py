"""From a loss rate and a tolerance to a number of messengers, and to what they cost on average.

The tests read as the specification. Each hands the submission some orders, one after the other.
"""

import math
from collections.abc import Callable

from unreliable import Anomaly, Process, Scenario, World

type Order = tuple[int, int]  # loss in per cent, tolerance as one in so many
type Answer = tuple[object, object]


class Orders:
    """Gives out the orders and takes an answer to each."""

    def __init__(self, orders: tuple[Order, ...]) -> None:
        self.left = orders
        self.answers = ()

    def take(self) -> Order | None:
        """The next order, or None."""
        first, self.left = (self.left[0], self.left[1:]) if self.left else (None, ())
        return first

    def answer(self, messengers: int | None, cost: float | None) -> None:
        """What the last order takes."""
        self.answers += ((messengers, cost),)


def enough(order: Order) -> int | None:
    """The smallest number of messengers."""
    loss_percent, one_in = order
    if loss_percent == 100 and one_in > 1:
        return None
    messengers = 1
    while loss_percent**messengers * one_in > 100**messengers:
        messengers += 1
    return messengers


def mean_cost(order: Order) -> float | None:
    """How many of them are sent on average."""
    messengers = enough(order)
    if messengers is None:
        return None
    unanswered = 1 - (1 - order[0] / 100) ** 2
    return sum(unanswered**night for night in range(messengers))


def right_number(order: Order, answer: Answer) -> str | None:
    wanted = enough(order)
    if type(answer[0]) is type(wanted) and answer[0] == wanted:
        return None
    return f"the number of messengers is {wanted}, not {answer[0]}"


def right_cost(order: Order, answer: Answer) -> str | None:
    wanted, cost = mean_cost(order), answer[1]
    if wanted is None:
        return None if cost is None else f"there is no cost, not {cost}"
    if isinstance(cost, int | float) and math.isclose(cost, wanted, rel_tol=1e-6):
        return None
    return f"A sends {wanted:.6g} messengers on average, not {cost}"


def scenario(orders: tuple[Order, ...], right: Callable[[Order, Answer], str | None]) -> Scenario:
    def every_order_is_answered_right(world: World) -> Anomaly | None:
        answers = world.supplies.objects["orders"].answers
        for order, answer in zip(orders, answers, strict=False):
            wrong = right(order, answer)
            if wrong is not None:
                told = f"{order[0]} % get lost, and one order in {order[1]:,} may fail"
                return Anomaly("wrong answer", f"{told}: {wrong}.")
        if len(answers) != len(orders):
            return Anomaly("stuck", f"There were {len(orders)} orders, and {len(answers)} answers.")
        return None

    return Scenario(
        name="orders",
        processes=(Process("general", "enough_messengers", ("orders",)),),
        check=every_order_is_answered_right,
        supplies=(("orders", lambda: Orders(orders)),),
    )


NUMBERS = ((30, 100), (40, 10), (90, 50), (5, 1_000_000))
SCENARIO = scenario(NUMBERS, right_number)


def test_the_number_of_messengers(verify):
    """The smallest number with which the order fails to arrive at most once in so many."""
    verify(SCENARIO)


def test_a_limit_that_is_met_exactly(verify):
    """At most means that the limit may be met: 10 % of 10 % of 10 % is one in 1,000."""
    verify(scenario(((10, 1_000), (50, 1_024), (20, 125), (1, 10**12), (10, 10**15)), right_number))


def test_roads_that_lose_nothing(verify):
    """One messenger is sent at least, and is enough where none gets lost, or where anything is tolerated."""
    verify(scenario(((0, 1), (0, 1_000_000), (50, 1)), right_number))


def test_roads_that_lose_everything(verify):
    """If every messenger gets lost, no number is enough."""
    verify(scenario(((100, 2), (100, 1_000_000)), lambda *both: right_number(*both) or right_cost(*both)))


def test_the_expected_cost(verify):
    """A stops at the first answer that reaches it, or after the last messenger."""
    verify(scenario((*NUMBERS, (0, 10), (50, 2)), right_cost))


def test_bad_roads_and_a_small_tolerance(verify):
    """99 of 100 get lost, and one order in a thousand million may fail."""
    verify(scenario(((99, 10**9),), lambda *both: right_number(*both) or right_cost(*both)))
