"""What a consumer may be configured with, and how a mistake is answered."""

import pytest

from unreliable import Process, Scenario
from unreliable.kafka.consumer_config import parse


def consume(consumer):
    raise NotImplementedError


def test_a_setting_is_taken_by_its_name_in_kafka():
    config = parse({"group.id": "bank", "session.timeout.ms": 30_000, "partition.assignment.strategy": "range"})
    assert (config.group_id, config.session_timeout_ms, config.strategies) == ("bank", 30_000, ("range",))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"session.timeout": 6_000}, "Did you mean 'session.timeout.ms'? There are auto.commit.interval.ms, "),
        ({"heartbeat.interval.ms": 500}, "no setting 'heartbeat.interval.ms'. There are auto.commit"),
        ({"session.timeout.ms": "6 s"}, "a number of milliseconds"),
        ({"max.poll.interval.ms": 5_000}, "at least session.timeout.ms"),
        ({"auto.offset.reset": "smallest"}, "one of 'earliest', 'latest', 'error'"),
        ({"partition.assignment.strategy": "random"}, "of range, roundrobin, sticky"),
        ({"partition.assignment.strategy": "range,cooperative-sticky"}, "mixes eager and cooperative"),
    ],
)
def test_a_mistake_is_answered_with_what_would_be_right(setting, said: str):
    with pytest.raises(ValueError, match=r"setting|none|mixes|interval") as error:
        Process("consumer", consume, consumer=setting)
    assert said in str(error.value)


def test_the_members_of_a_group_need_a_strategy_in_common():
    eager = Process("a", consume, consumer={"partition.assignment.strategy": "range"})
    other = Process("b", consume, consumer={"partition.assignment.strategy": "cooperative-sticky"})
    with pytest.raises(ValueError, match="in common"):
        Scenario("orders", (eager, other), check=lambda _: None)


def test_a_rebalance_needs_somebody_who_may_join():
    with pytest.raises(ValueError, match="start_ms=None"):
        Scenario("orders", (Process("a", consume),), check=lambda _: None, faults=frozenset({"rebalance"}))
