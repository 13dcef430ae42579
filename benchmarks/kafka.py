"""Every schedule with two faults of a relay that reads, writes and commits in transactions; beside one without.

python benchmarks/kafka.py
"""

import statistics
import time
from dataclasses import replace

from unreliable import Anomaly, Explorer, Process, Program, Scenario, Verdict, World

ROUNDS = 3
ORDERS = 3
FAULTS = frozenset({"crash", "pause", "lose", "retry", "move"})
WANTED_S = 10  # for every schedule with two faults

RELAY = """
from confluent_kafka import KafkaException, TopicPartition


async def relay(consumer, producer):
    await producer.init_transactions()
    while True:
        message = await consumer.poll()
        await producer.begin_transaction()
        await producer.produce("out", message.value(), key=message.key())
        after = TopicPartition(message.topic(), message.partition(), message.offset() + 1)
        try:
            await producer.send_offsets_to_transaction([after], await consumer.consumer_group_metadata(), 1)
            await insist(producer.commit_transaction)
        except KafkaException as exception:
            if exception.args[0].txn_requires_abort():
                await insist(producer.abort_transaction)
            raise


async def insist(end):
    while True:
        try:
            return await end(1)
        except KafkaException as exception:
            if not exception.args[0].retriable():
                raise
"""

PLAIN = """
async def relay(consumer, producer):
    while True:
        message = await consumer.poll()
        await (await producer.produce("out", message.value(), key=message.key()))
        await consumer.commit(message=message, asynchronous=False)
"""


async def orders(producer):
    for number in range(ORDERS):
        await (await producer.produce("in", f"order {number}", key=f"{number}", partition=number % 2))


def once(world: World) -> Anomaly | None:
    """Each order is read once from the topic that the relay writes, and is done with."""
    found = [record.key for number in (0, 1) for record in world.broker.logs["out", number].committed()]
    if len(found) == len(set(found)) == ORDERS and not world.broker.lag("relays", "in"):
        return None
    return Anomaly("duplicate effect", f"The relay wrote {found}.")


def nothing_wrong(_: World) -> None:
    return None


def relay(name: str, **more: object) -> Process:
    settings = {"transactional.id": f"relay-{name}"}
    objects = ("consumer", "producer")
    return Process(f"relay {name}", "relay", objects, "relays", ("in",), producer=settings, start_ms=100, **more)


SOURCE = Process("source", orders, faults=frozenset())
SCENARIO = Scenario("relay", (SOURCE, relay("A")), once, (("in", 2), ("out", 2)), faults=FAULTS)
TWO = replace(SCENARIO, processes=(SOURCE, relay("A"), relay("B")))
WITHOUT = replace(
    SCENARIO,
    processes=tuple(replace(process, producer={}) for process in SCENARIO.processes),
    check=nothing_wrong,  # it makes duplicates, and is to be run to the end all the same
)


def explored(scenario: Scenario, source: str) -> tuple[Verdict, float]:
    """The verdict of all schedules with up to two faults, and the median of its seconds."""
    verdicts, seconds = list[Verdict](), list[float]()
    for _ in range(ROUNDS):
        with Explorer(scenario, Program(source)) as explorer:
            start = time.perf_counter()
            verdicts.append(explorer.explore(2))
            seconds.append(time.perf_counter() - start)
    assert verdicts[0].passed, verdicts[0].sentence
    return verdicts[0], statistics.median(seconds)


def main() -> None:
    """Prints medians of ROUNDS rounds."""
    rates: list[float] = []
    for scenario, source, name in (
        (SCENARIO, RELAY, "a relay with transactions"),
        (TWO, RELAY, "two of them in one group"),
        (WITHOUT, PLAIN, "a relay without"),
    ):
        verdict, seconds = explored(scenario, source)
        rates.append(verdict.run / seconds)
        print(
            f"{name}, up to 2 faults: {seconds:.2f} s for {verdict.covered:,} schedules, "
            f"of which {verdict.run:,} had to be run; {rates[-1]:,.0f} run a second"
        )
    print(f"schedules a second with transactions to those without: {rates[0] / rates[2]:.2f}")
    print(f"wanted: at most {WANTED_S} s for each")


if __name__ == "__main__":
    main()
