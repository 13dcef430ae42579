"""Say what is graded."""

from unreliable import Anomaly, Process, Scenario, World


def the_effect_happened(world: World) -> Anomaly | None:
    """Look at what lasts, and name what is wrong with it."""
    return Anomaly("stuck", "The grader says nothing yet.")


SCENARIO = Scenario(
    name="relay",
    processes=(Process("consumer", "relay", ("consumer", "db")),),
    check=the_effect_happened,
    topics=(("input", 1),),
)


def test_without_any_fault(verify):
    """Without any fault it works."""
    verify(SCENARIO)
