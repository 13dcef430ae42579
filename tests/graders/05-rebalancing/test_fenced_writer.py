"""The last price of each product stands in the table, also when an owner wakes up after another has taken over.

The tests read as the specification. Each lets the submission run under every schedule of its kind of fault.
"""

from dataclasses import replace

from unreliable import Anomaly, Process, Scenario, World

LAMP = ("lamp", "20"), ("lamp", "30"), ("lamp", "10")
PARTITIONS = {"lamp": 0, "chair": 1}
LATER_MS = 40_000  # when the last price comes: all faults are over, and everybody is back in the group


async def send(producer, *prices):
    for product, price in prices:
        await producer.produce("prices", price, product, partition=PARTITIONS[product])


async def publish(producer):
    """Two prices of the lamp."""
    await send(producer, *LAMP[:2])


async def publish_the_last(producer):
    """The lamp's last price."""
    await send(producer, LAMP[2])


async def publish_at_once(producer):
    """All prices of the lamp: nothing comes later that could cover up what a zombie wrote."""
    await send(producer, *LAMP)


async def publish_two_products(producer):
    """A product in each partition."""
    await send(producer, ("chair", "5"), ("lamp", "10"))


async def publish_both_again(producer):
    """Both products get their last prices."""
    await send(producer, ("chair", "6"), ("lamp", "20"))


def last_prices(**wanted: int):
    """The table holds these prices, and nobody has work left."""

    def check(world: World) -> Anomaly | None:
        prices = dict(world.database.query("SELECT product, price FROM prices"))
        for product, price in wanted.items():
            found = prices.get(product)
            if found != price:
                late = "pause" in world.scenario.faults and not world.broker.lag("shop", "prices")
                wrong = "zombie write" if late and world.choices.faults else "lost message"
                told = "has no price" if found is None else f"costs {found}"
                return Anomaly(wrong, f"The {product} {told}; its last price is {price}.")
        if world.broker.lag("shop", "prices"):
            return Anomaly("stuck", "The prices are right, but the last offset was never committed.")
        return None

    return check


TABLES = """
    CREATE TABLE prices (product TEXT PRIMARY KEY, price INTEGER NOT NULL, token INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE owners (partition INTEGER PRIMARY KEY, token INTEGER NOT NULL);
"""
PAUSE_MS = 15_000  # longer than a session, and than the time that Kafka takes to notice and B to go on
A = Process("A", "consume", ("consumer", "db"), group="shop", start_ms=0)
B = replace(A, name="B", faults=frozenset())
PUBLISHER = Process("publisher", publish, start_ms=500, faults=frozenset())
LATER = Process("later", publish_the_last, start_ms=LATER_MS, faults=frozenset())
SCENARIO = Scenario(
    name="prices",
    processes=(PUBLISHER, A, LATER),
    check=last_prices(lamp=10),
    topics=(("prices", 1),),
    tables=f"{TABLES} INSERT INTO owners VALUES (0, 0);",
    pause_ms=PAUSE_MS,
)
ZOMBIE = replace(SCENARIO, processes=(replace(PUBLISHER, run=publish_at_once), A, B), check=last_prices(lamp=10))
BOTH_STAND_STILL = replace(ZOMBIE, processes=(*ZOMBIE.processes[:2], replace(A, name="B")))
BACK_AGAIN = replace(SCENARIO, processes=(PUBLISHER, A, B, LATER))
TWO_PARTITIONS = replace(
    SCENARIO,
    processes=(
        replace(PUBLISHER, run=publish_two_products),
        A,
        B,
        replace(LATER, run=publish_both_again),
    ),
    check=last_prices(lamp=20, chair=6),
    topics=(("prices", 2),),
    tables=f"{TABLES} INSERT INTO owners VALUES (0, 0), (1, 1000);",
)
BOTH_AT_ONCE = replace(
    TWO_PARTITIONS,
    processes=(
        replace(PUBLISHER, run=publish_two_products),
        A,
        replace(B, start_ms=2_000),  # until then A has both partitions
        replace(LATER, run=publish_both_again, start_ms=3_000),  # while A stands still
    ),
)


def test_every_price_is_written(verify):
    """Without any fault each price replaces the one before."""
    verify(SCENARIO)


def test_a_crash_at_every_await(verify):
    """The consumer may die at each of its awaits, and is given its partition again."""
    verify(SCENARIO.with_faults("crash"))


def test_an_owner_that_wakes_up_late(verify):
    """A stands still, B takes over; what A then writes must not replace what B wrote."""
    verify(ZOMBIE.with_faults("pause", "crash"))


def test_a_partition_that_comes_back(verify):
    """A is given the partition again after it was B's: now its prices count again."""
    verify(BACK_AGAIN.with_faults("pause"))


def test_two_partitions(verify):
    """Each partition changes hands by itself."""
    verify(TWO_PARTITIONS.with_faults("pause"))


def test_two_partitions_at_once(verify):
    """A stands still with both partitions, and B takes over both: A must not write to either of them."""
    verify(BOTH_AT_ONCE.with_faults("pause"))


def test_two_owners_that_stand_still(verify):
    """Each of the two may stand still: who lost the partition, and is given it again, is a new owner."""
    verify(BOTH_STAND_STILL.with_faults("pause"))
