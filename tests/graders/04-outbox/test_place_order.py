"""An order and its event are one write: both happen, or neither, whatever happens.

The tests read as the specification. Each lets the submission run under every schedule of its kind of fault. Of the
one lamp that is in stock another shop may be quicker, while the submission lies crashed; chairs there are enough
for both.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

from unreliable import Anomaly, Process, Scenario, World

TABLES = """
    CREATE TABLE stock (
        item TEXT PRIMARY KEY,
        quantity INTEGER NOT NULL CHECK (quantity >= 0),
        elsewhere INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE orders (id TEXT PRIMARY KEY, item TEXT NOT NULL);
    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, aggregate_id TEXT NOT NULL, payload TEXT NOT NULL
    );
    INSERT INTO stock (item, quantity) VALUES ('lamp', 1), ('chair', 99);
"""


SELL_A_CHAIR = "UPDATE stock SET elsewhere = elsewhere + 1, quantity = quantity - 1 WHERE item = 'chair'"
STOCK = {"lamp": 1, "chair": 99}


async def wants_the_lamp(producer):
    """Wants the only lamp."""
    await (await producer.produce("carts", json.dumps({"order": "o1", "item": "lamp"}), key="o1"))


async def wants_a_chair(producer):
    """Wants one of many chairs."""
    await (await producer.produce("carts", json.dumps({"order": "o2", "item": "chair"}), key="o2"))


async def fill_carts(producer):
    """Two customers."""
    await wants_the_lamp(producer)
    await wants_a_chair(producer)


async def fill_more_carts(producer):
    """Two customers, and a third who wants a chair as well."""
    await fill_carts(producer)
    await (await producer.produce("carts", json.dumps({"order": "o3", "item": "chair"}), key="o3"))


async def sell_a_lamp(db, clock):
    """Another shop sells the lamp, if it is still there. It has events of its own, elsewhere."""
    await surely(db, clock, "UPDATE stock SET elsewhere = quantity, quantity = 0 WHERE item = 'lamp'")


async def sell_chairs(db, clock):
    """Another shop sells one chair after the other, so fast that something is sold between any two statements."""
    for _ in range(20):
        await surely(db, clock, SELL_A_CHAIR)


async def relay(db, producer, clock):
    """Publishes the rows of the outbox, one after the other, and deletes each when it is acknowledged."""
    while True:
        rows = await db.execute("SELECT seq, id, aggregate_id, payload FROM outbox ORDER BY seq LIMIT 1")
        row = await rows.fetchone()
        if row is None:
            await clock.sleep(5.0)
            continue
        seq, event, aggregate, payload = row
        if event is None:
            event = f"minted at {clock.now()}"
        await (await producer.produce("events", message(event, payload), key=str(aggregate)))
        await surely(db, clock, "DELETE FROM outbox WHERE seq = %s", seq)


async def surely(db, clock, sql, *parameters):
    """Runs a statement, again and again if somebody has its rows locked."""
    while True:
        try:
            return await db.execute(sql, parameters)
        except Exception:  # of the client library, which is another one in the lab
            await clock.sleep(1.0)


def message(event: object, payload: object) -> str:
    """The message that an outbox row becomes."""
    return json.dumps({"id": event, **fields(payload)}, default=str)


def fields(text: object) -> dict[str, object]:
    """The fields of a JSON object; of anything else the text itself."""
    try:
        found = json.loads(str(text))
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"text": str(text)}


def each_order_with_its_event(world: World) -> Anomaly | None:
    """Orders, stock and events tell of the same, and all carts are dealt with."""
    orders = dict(world.database.query("SELECT id, item FROM orders"))
    found = list(events(world))
    for key, event in found:
        if event.get("order") not in orders:
            return Anomaly("aborted read", f"An event tells of {event.get('order')}, which was never placed.")
        if (key, event.get("item")) != (event["order"], orders[event["order"]]):
            return Anomaly("wrong effect", f"The event of {event['order']} has the key {key}: {event}.")
    taken: set[object] = set()
    for order in orders:
        ids = {event.get("id") for _, event in found if event["order"] == order}
        if not ids:
            return Anomaly("torn write", f"{order} was placed, and no event tells of it.")
        if len(ids) > 1 or None in ids:
            told = " and ".join(sorted(map(str, ids)))
            return Anomaly(
                "duplicate effect", f"Who hears of {order} has it for as many orders as it has ids: {told}."
            )
        if ids.intersection(taken):
            return Anomaly(
                "lost message", f"{order}'s event has the id of another: consumers take it for a duplicate."
            )
        taken |= ids
    return damaged_stock(world, orders) or unfinished(world, orders)


def damaged_stock(world: World, orders: dict) -> Anomaly | None:
    """What is gone from the stock was sold, here or elsewhere, and nothing was sold twice."""
    for item, had in STOCK.items():
        rows = world.database.query("SELECT quantity, elsewhere FROM stock WHERE item = ?", item)
        [(quantity, elsewhere)] = rows or [(0, 0)]
        sold = list(orders.values()).count(item)
        if quantity + elsewhere + sold != had:
            told = f"Of {had} {item}{'s' * (had != 1)} {sold} went to orders and {elsewhere} elsewhere, and "
            return Anomaly("torn write", f"{told}{quantity} are left.")
    return None


def unfinished(world: World, orders: dict) -> Anomaly | None:
    """What is left to do although all has come to rest."""
    stock = dict(world.database.query("SELECT item, quantity FROM stock"))
    carts = [fields((record.value or b"").decode()) for record in world.broker.logs["carts", 0]]
    for cart in carts:
        if cart["order"] not in orders and stock.get(cart["item"]):
            return Anomaly(
                "lost message", f"{cart['order']} was never placed, although there is a {cart['item']}."
            )
    if world.broker.lag("shop", "carts"):
        return Anomaly("stuck", "The work is done, but the offset of the last cart was never committed.")
    return None


def events(world: World) -> Iterator[tuple[str, dict]]:
    """Key and fields of each message of the topic `events`."""
    for record in world.broker.logs["events", 0]:
        yield (
            (record.key or b"").decode("utf-8", "replace"),
            fields((record.value or b"").decode("utf-8", "replace")),
        )


SHOP = Process(
    "shop", "place_orders", ("consumer", "db", "producer"), group="shop", subscribes=("carts",), start_ms=100
)
CUSTOMERS = Process("customers", fill_carts, faults=frozenset())
OTHER = Process("other shop", sell_a_lamp, faults=frozenset(), start_ms=8_000)
RELAY = Process("relay", relay, faults=frozenset(), start_ms=5_000)
SCENARIO = Scenario(
    name="orders",
    processes=(CUSTOMERS, SHOP, RELAY),
    check=each_order_with_its_event,
    topics=(("carts", 1), ("events", 1)),
    tables=TABLES,
)
THREE = replace(SCENARIO, processes=(replace(CUSTOMERS, run=fill_more_carts), SHOP, RELAY))
A_CHAIR = replace(SCENARIO, processes=(replace(CUSTOMERS, run=wants_a_chair), SHOP, RELAY))
MEANWHILE = replace(A_CHAIR, processes=(*A_CHAIR.processes, replace(OTHER, run=sell_chairs, start_ms=100)))
THE_LAMP = replace(SCENARIO, processes=(replace(CUSTOMERS, run=wants_the_lamp), SHOP, OTHER, RELAY))
SOLD_OUT = replace(THE_LAMP, processes=(*THE_LAMP.processes[:2], replace(OTHER, start_ms=0), RELAY))
RELAY_THAT_CRASHES = replace(
    A_CHAIR,
    processes=(
        A_CHAIR.processes[0],
        replace(SHOP, faults=frozenset()),
        replace(RELAY, faults=frozenset({"crash"})),
    ),
)


def test_an_order_has_an_event(verify):
    """Without any fault each order is placed and told of once."""
    verify(THREE)


def test_what_is_sold_out_has_no_event(verify):
    """An order that the stock does not allow is not placed, and nobody hears of it."""
    verify(SOLD_OUT)


def test_another_shop_sells_meanwhile(verify):
    """What another shop sells while an order is being placed is gone from the stock, too."""
    verify(MEANWHILE)


def test_a_crash_at_every_await(verify):
    """The shop may die at each of its awaits; what it left is one order and its event, or neither."""
    verify(A_CHAIR.with_faults("crash"))


def test_a_crash_while_another_shop_sells(verify):
    """While the shop lies crashed the lamp is sold elsewhere: then nobody must have heard of an order for it."""
    verify(THE_LAMP.with_faults("crash"))


def test_a_commit_without_an_answer(verify):
    """A COMMIT, or a commit of offsets, may have happened or not: the shop is not told which."""
    verify(A_CHAIR.with_faults("lose"))


def test_a_failing_database(verify):
    """Each statement may be cancelled, and what is sent to Kafka may not get there."""
    verify(A_CHAIR.with_faults("error"))


def test_a_relay_that_crashes(verify):
    """A relay that crashes between publishing and deleting publishes again: it is the same event."""
    verify(RELAY_THAT_CRASHES.with_faults("crash"))


def test_all_of_it_together(verify):
    """Two orders, one lamp, and crashes, lost answers and a failing database in any combination."""
    verify(replace(SCENARIO, processes=(CUSTOMERS, SHOP, OTHER, RELAY)).with_faults("crash", "lose", "error"))
