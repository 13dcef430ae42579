"""Payments arrive at least once; each is applied to its account exactly once, whatever happens.

The tests read as the specification. Each lets the submission run under every schedule of its kind of fault.
"""

import json
from dataclasses import replace

from unreliable import Anomaly, Process, Scenario, World

TABLES = """
    CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL);
    CREATE TABLE processed (payment_id TEXT PRIMARY KEY);
    INSERT INTO accounts VALUES ('alice', 0), ('bob', 0);
"""
# Amounts whose sums tell which payment is missing or too many. p1 and p3 are alike in all but their id.
PAYMENTS = (("p1", "alice", 30), ("p2", "bob", 20), ("p3", "alice", 30))
CONSUMER = Process("consumer", "consume", ("consumer", "db"), group="bank", start_ms=100)


async def pay(producer):
    """Sends each payment and waits for its acknowledgement; begins again from the first after a crash."""
    for number, (payment, account, amount) in enumerate(PAYMENTS):
        value = json.dumps({"id": payment, "account": account, "amount": amount})
        partition = number // 2  # so that alice has payments on both
        acknowledgement = await producer.produce("payments", value, key=payment, partition=partition)
        await acknowledgement


def each_payment_once(world: World) -> Anomaly | None:
    """Balances are the sums of the payments, and all of them are committed."""
    balances = dict(world.database.query("SELECT id, balance FROM accounts"))
    for account in sorted(balances.keys() | {"alice", "bob"}, key=str):
        amounts = [amount for _, owner, amount in PAYMENTS if owner == account]
        balance, owed = balances.get(account, 0), sum(amounts)
        told = f"{account}'s balance is {balance} and should be {owed}"
        if balance > owed:
            return Anomaly(
                "duplicate effect", f"{told}: {_which(account, balance - owed)} was applied more than once."
            )
        if balance < owed:
            marked = world.database.query("SELECT count(*) FROM processed") == [(len(PAYMENTS),)]
            ending = ", although all are marked as processed" if marked else ""
            return Anomaly("lost message", f"{told}: {_which(account, owed - balance)} is missing{ending}.")
    lag = world.broker.lag("bank", "payments")
    if lag:
        messages = "message" if lag == 1 else f"{lag} messages"
        return Anomaly("stuck", f"The work is done, but the offset of the last {messages} was never committed.")
    return None


def _which(account: str, difference: int) -> str:
    """The payments that could make up the difference."""
    alike = [payment for payment, owner, amount in PAYMENTS if owner == account and amount == difference]
    return f"a payment of {difference} ({' or '.join(alike)})" if alike else f"{difference}"


SCENARIO = Scenario(
    name="payments",
    processes=(Process("producer", pay, faults=frozenset({"lose"})), CONSUMER),
    check=each_payment_once,
    topics=(("payments", 2),),
    tables=TABLES,
)
UNRELIABLE_PRODUCER = replace(
    SCENARIO,
    processes=(Process("producer", pay), replace(CONSUMER, faults=frozenset(), start_ms=5_000)),
)
TWO_CONSUMERS = replace(
    SCENARIO,
    processes=(
        Process("producer", pay, faults=frozenset()),
        replace(CONSUMER, name="consumer A"),
        replace(CONSUMER, name="consumer B", faults=frozenset()),
    ),
)
# Both have their partition before the payments come, and a pause is shorter than a session.
SIDE_BY_SIDE = replace(
    TWO_CONSUMERS,
    processes=(replace(TWO_CONSUMERS.processes[0], start_ms=2_000), *TWO_CONSUMERS.processes[1:]),
    pause_ms=3_000,
)


def test_every_payment_is_applied(verify):
    """Without any fault each payment is applied once, also the two that look alike."""
    verify(SCENARIO)


def test_a_payment_that_was_sent_twice(verify):
    """A producer that lost an acknowledgement, or restarted, sends again what is in the log already."""
    verify(UNRELIABLE_PRODUCER.with_faults("lose", "crash"))


def test_a_crash_at_every_await(verify):
    """The consumer may die at each of its awaits and starts again with nothing in memory."""
    verify(SCENARIO.with_faults("crash"))


def test_a_database_that_fails_for_a_moment(verify):
    """Each statement may be cancelled: its payment is neither lost nor applied in part."""
    verify(SCENARIO.with_faults("error"))


def test_an_answer_that_does_not_arrive(verify):
    """A COMMIT or a commit of offsets may have happened or not: the consumer is not told which."""
    verify(SCENARIO.with_faults("lose"))


def test_two_consumers_of_one_group(verify):
    """A consumer that stands still loses its partitions to the other, and wakes up in the middle of its work."""
    verify(TWO_CONSUMERS.with_faults("pause", "crash"))


def test_two_consumers_at_once(verify):
    """Two consumers pay into the same account at the same time, each from its own partition."""
    verify(SIDE_BY_SIDE.with_faults("pause"))


def test_all_of_it_together(verify):
    """Crashes, lost answers, payments sent again and a failing database, in any combination."""
    verify(SCENARIO.with_faults("crash", "lose", "error"))
