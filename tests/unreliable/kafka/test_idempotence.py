"""What an idempotent producer keeps from the log, and what it does not."""

from unreliable import Anomaly, Process, Program, Scenario, World, explore

NOTHING = Program("")


def once(world: World) -> Anomaly | None:
    """Each value stands once in the log, in the order in which they were sent."""
    values = [record.value for record in world.broker.logs["orders", 0]]
    wanted = sorted(set(values))
    return None if values == wanted else Anomaly("duplicate effect", f"The log holds {values}.")


def scenario(run, *faults: str, idempotence: bool = True) -> Scenario:
    producer = Process("producer", run, idempotence=idempotence)
    return Scenario("orders", (producer,), once, topics=(("orders", 1),), faults=frozenset(faults))


def sending(count: int):
    async def send(producer):
        for number in range(count):
            await producer.produce("orders", f"{number}", partition=0)
        await producer.flush()

    return send


def test_rule_1_without_idempotence_a_lost_acknowledgement_makes_a_duplicate():
    verdict = explore(scenario(sending(2), "lose", idempotence=False), NOTHING, budget=1)
    assert verdict.anomaly is not None
    assert verdict.anomaly.name == "duplicate effect"


def test_rule_3_lost_acknowledgements_leave_each_record_once_and_in_order():
    verdict = explore(scenario(sending(3), "lose"), NOTHING, budget=3)
    assert verdict.anomaly is None
    assert verdict.exhausted


def test_rule_4_what_was_sent_first_is_recognised_however_much_follows():
    verdict = explore(scenario(sending(9), "lose"), NOTHING, budget=2)
    assert verdict.anomaly is None
    assert verdict.exhausted


def test_rule_8_what_a_restarted_process_sends_again_is_not_recognised():
    verdict = explore(scenario(sending(2), "crash"), NOTHING, budget=1)
    assert verdict.anomaly is not None
    assert verdict.anomaly.name == "duplicate effect"
