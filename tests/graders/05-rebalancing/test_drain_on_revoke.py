"""Each order is loaded once while partitions come and go, and none is lost.

The tests read as the specification. Each lets the submission run under every schedule of its kind of fault.
"""

from dataclasses import replace

from unreliable import Anomaly, Process, Scenario, World

ORDERS = (("a1", 0), ("a2", 0), ("a3", 0), ("b1", 1), ("a4", 0), ("b2", 1))
SPREAD = (("a1", 0), ("b1", 1), ("c1", 2), ("d1", 3))
SIZE, MOST_FILES = 3, 4


class Warehouse:
    """Ships what is loaded."""

    def __init__(self) -> None:
        self.files = ()

    def load(self, orders: list[str]) -> None:
        """A file of one to three orders."""
        if not isinstance(orders, list | tuple) or not 1 <= len(orders) <= SIZE:
            raise ValueError(f"a file is a list of one to {SIZE} orders")
        self.files += (tuple(map(str, orders)),)


async def shop(producer):
    """More orders than a file takes, and a few."""
    await send(producer, ORDERS)


async def shop_that_spreads(producer):
    """An order in each of four partitions."""
    await send(producer, SPREAD)


async def send(producer, orders):
    for order, partition in orders:
        await producer.produce("orders", order, partition=partition)


async def visitor(consumer, warehouse):
    """Joins, loads one order, if there is any for it, and leaves."""
    await consumer.subscribe(["orders"])
    for _ in range(4):
        if await load_one(consumer, warehouse):
            break
    await consumer.close()


async def colleague(consumer, warehouse):
    """Is a member all the time."""
    await consumer.subscribe(["orders"])
    while True:
        await load_one(consumer, warehouse)


async def load_one(consumer, warehouse):
    message = await consumer.poll(1.0)
    if message is None:
        return False
    await warehouse.load([message.value().decode()])
    await consumer.commit(message=message, asynchronous=False)
    return True


def sent(world: World) -> list[str]:
    return [record.value.decode() for log in world.broker.logs.values() for record in log]


def loaded(world: World) -> list[str]:
    return [order for file in world.supplies.objects["warehouse"].files for order in file]


def each_order_once(world: World) -> Anomaly | None:
    """No order is loaded twice, and none is missing."""
    twice = [order for order in sent(world) if loaded(world).count(order) > 1]
    if twice:
        return Anomaly("duplicate effect", f"Nobody crashed, and {twice[0]} was shipped {times(world, twice[0])}.")
    return none_is_missing(world)


def times(world: World, order: str) -> str:
    number = loaded(world).count(order)
    return "twice" if number == 2 else f"{number} times"


def none_is_missing(world: World) -> Anomaly | None:
    missing = [order for order in sent(world) if order not in loaded(world)]
    if missing:
        lag = world.broker.lag("warehouse", "orders")
        ending = "" if lag else ", although all offsets are committed"
        return Anomaly("lost message", f"{missing[0]} was never shipped{ending}.")
    if world.broker.lag("warehouse", "orders"):
        return Anomaly("stuck", "All orders were shipped, but an offset was never committed.")
    return None


def in_few_files(world: World) -> Anomaly | None:
    """As above, and orders that are there at once do not make a file each."""
    files = len(world.supplies.objects["warehouse"].files)
    if files > MOST_FILES:
        return Anomaly("wrong effect", f"{len(ORDERS)} orders made {files} files; three are enough.")
    return each_order_once(world)


COOPERATIVE = {"partition.assignment.strategy": "cooperative-sticky"}
CONSUMER = Process("consumer", "consume", ("consumer", "warehouse"), group="warehouse", consumer=COOPERATIVE)
SHOP = Process("shop", shop, start_ms=500, faults=frozenset())
VISITOR = replace(CONSUMER, name="visitor", run=visitor, start_ms=None, faults=frozenset())
COLLEAGUE = replace(VISITOR, name="colleague", run=colleague, start_ms=0)
SCENARIO = Scenario(
    name="orders",
    processes=(SHOP, CONSUMER),
    check=in_few_files,
    topics=(("orders", 2),),
    supplies=(("warehouse", Warehouse),),
)
VISITED = replace(SCENARIO, processes=(SHOP, CONSUMER, VISITOR), check=each_order_once)
SHARED = replace(
    SCENARIO,
    processes=(SHOP, replace(CONSUMER, faults=frozenset({"pause poll"})), COLLEAGUE),
    check=each_order_once,
)
TWICE = replace(VISITED, processes=(*VISITED.processes, replace(VISITOR, name="second visitor")))
LOST_TOGETHER = replace(  # the colleague comes when the consumer has both partitions
    SHARED, processes=(*SHARED.processes[:2], replace(COLLEAGUE, start_ms=2_000))
)
MANY_MOVE = replace(
    VISITED,
    processes=(replace(SHOP, run=shop_that_spreads), CONSUMER, VISITOR),
    topics=(("orders", 4),),
)
CRASHING = replace(VISITED, check=none_is_missing)
UNANSWERED = replace(SCENARIO, check=none_is_missing)


def test_orders_are_collected(verify):
    """Without any fault orders are collected into files, and all offsets are committed."""
    verify(SCENARIO)


def test_partitions_that_leave_and_come_back(verify):
    """A visitor joins at any poll, and leaves again: each order is loaded once."""
    verify(VISITED.with_faults("rebalance"))


def test_partitions_that_are_lost(verify):
    """The consumer stands still while it polls; what it had collected has been loaded by another."""
    verify(SHARED.with_faults("pause"))


def test_a_crash_while_partitions_move(verify):
    """A crash may repeat an order, and loses none; in callbacks, too."""
    verify(CRASHING.with_faults("rebalance", "crash"))


def test_several_partitions_that_leave_at_once(verify):
    """Of four partitions two go to the visitor together: the orders of both are loaded once."""
    verify(MANY_MOVE.with_faults("rebalance"))


def test_partitions_that_leave_twice(verify):
    """A second visitor comes after the first: each time the consumer loads what it has to give away."""
    verify(TWICE.with_faults("rebalance"))


def test_several_partitions_that_are_lost_at_once(verify):
    """The consumer stands still with both partitions: what it had of either is loaded by another."""
    verify(LOST_TOGETHER.with_faults("pause"))


def test_a_commit_that_fails(verify):
    """A commit that fails may repeat an order; in the end all is loaded and committed."""
    verify(UNANSWERED.with_faults("lose"))
