"""The last price of each product stands in the table, also when an owner wakes up after another has taken over.

The tests read as the specification. Each lets the submission run under every schedule of its kind of fault.
"""

from dataclasses import replace

from unreliable import Anomaly, Process, Scenario, World

LAMP = ("lamp", "20"), ("lamp", "30"), ("lamp", "10")
LATER_MS = 40_000  # when the last price comes: all faults are over, and everybody is back in the group


async def publish(producer, clock):
    """Two prices now, and one when all is over."""
    for product, price in LAMP[:2]:
        await producer.produce("prices", price, product, partition=0)
    await clock.sleep(LATER_MS / 1000)
    product, price = LAMP[2]
    await producer.produce("prices", price, product, partition=0)


async def publish_now(producer):
    """Nothing comes later that could cover up what a zombie wrote."""
    for product, price in LAMP:
        await producer.produce("prices", price, product, partition=0)


async def publish_two_products(producer, clock):
    """A product in each partition, each with a new price later."""
    await producer.produce("prices", "5", "chair", partition=1)
    await producer.produce("prices", "10", "lamp", partition=0)
    await clock.sleep(LATER_MS / 1000)
    await producer.produce("prices", "6", "chair", partition=1)
    await producer.produce("prices", "20", "lamp", partition=0)


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
A = Process("A", "consume", ("consumer", "db"), group="shop", start_ms=0)
B = replace(A, name="B", faults=frozenset())
PUBLISHER = Process("publisher", publish, start_ms=500, faults=frozenset())
SCENARIO = Scenario(
    name="prices",
    processes=(PUBLISHER, A),
    check=last_prices(lamp=10),
    topics=(("prices", 1),),
    tables=f"{TABLES} INSERT INTO owners VALUES (0, 0);",
)
ZOMBIE = replace(SCENARIO, processes=(replace(PUBLISHER, run=publish_now), A, B), check=last_prices(lamp=10))
BACK_AGAIN = replace(SCENARIO, processes=(PUBLISHER, A, B))
TWO_PARTITIONS = replace(
    SCENARIO,
    processes=(replace(PUBLISHER, run=publish_two_products), A, B),
    check=last_prices(lamp=20, chair=6),
    topics=(("prices", 2),),
    tables=f"{TABLES} INSERT INTO owners VALUES (0, 0), (1, 1000);",
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
