"""Each row that is inserted into the outbox is published at least once, those of one aggregate in their order.

The tests read as the specification. Each lets the submission run under every schedule of its kind of fault. The
first transaction to write is the last to commit: its numbers, and the positions of its rows, are the lower ones.
"""

import json
from collections.abc import Callable
from dataclasses import replace

from unreliable import Anomaly, Process, Scenario, World

TABLES = """
    CREATE TABLE orders (id TEXT PRIMARY KEY);
    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, aggregate_id TEXT NOT NULL, payload TEXT NOT NULL
    );
    CREATE TABLE outbox_archive (aggregate_id TEXT NOT NULL, payload TEXT NOT NULL);
"""
INSERT = "INSERT INTO outbox (aggregate_id, payload) VALUES (%s, %s)"
PENDING = "SELECT data FROM pg_logical_slot_peek_changes('relay', NULL, NULL, 'format-version', '2')"
EVENTS = (("e1", "o1"), ("e2", "o1"), ("e3", "o2"))
TWELVE = tuple((f"e{number}", "o1") for number in range(1, 13))


def payload(event: str) -> str:
    return json.dumps({"id": event})


async def commit_late(db, clock):
    """Writes first, and commits when the other is long done."""
    async with db.transaction():
        await db.execute("INSERT INTO orders (id) VALUES ('o1')")
        await db.execute(INSERT, ("o1", payload("e1")))
        await clock.sleep(1.5)
        await db.execute(INSERT, ("o1", payload("e2")))


async def clean_up_at_once(db):
    """Writes an event, touches it and archives it in one transaction: nobody ever sees the row in the outbox."""
    async with db.transaction():
        await db.execute(INSERT, ("o2", payload("e3")))
        await db.execute("UPDATE outbox SET payload = '{\"id\": \"archived\"}' WHERE aggregate_id = 'o2'")
        await db.execute("INSERT INTO outbox_archive VALUES (%s, %s)", ("o2", payload("e3")))
        await db.execute("DELETE FROM outbox WHERE aggregate_id = 'o2'")


def one_by_one(*events: tuple[str, str]):
    """Writes each (event, aggregate) in a transaction of its own."""

    async def write(db):
        for event, aggregate in events:
            await db.execute(INSERT, (aggregate, payload(event)))

    return write


def published(*events: tuple[str, str]) -> Callable[[World], Anomaly | None]:
    """A check: every event is in the topic, in order, and the slot has confirmed it."""

    def check(world: World) -> Anomaly | None:
        aggregates = dict(events)
        found: list[str] = []
        for record in world.broker.logs["events", 0]:
            event, key = named(record.value), (record.key or b"").decode("utf-8", "replace")
            if aggregates.get(event) != key:
                return Anomaly("wrong effect", f"The topic has {event or record.value} with the key {key}.")
            found.append(event)
        return out_of_order(events, found) or again(world, found) or unfinished(world, events, found)

    return check


def out_of_order(events: tuple[tuple[str, str], ...], found: list[str]) -> Anomaly | None:
    """Of o1, the aggregate with more than one event, the first copies are in their order."""
    wanted = [event for event, of in events if of == "o1"]
    first = [event for event in dict.fromkeys(found) if event in wanted]
    if first != wanted[: len(first)]:
        told = f"Of o1 come {', '.join(wanted)} in this order; published is {', '.join(first)}."
        return Anomaly("reordering", told)
    return None


def again(world: World, found: list[str]) -> Anomaly | None:
    """Without a fault nothing is published twice.

    The number of faults may stand in this check: of two runs that end alike the one with fewer faults is judged.
    """
    twice = [event for event in dict.fromkeys(found) if found.count(event) > 1]
    if twice and not world.choices.faults:
        return Anomaly("duplicate effect", f"Nothing failed, and {twice[0]} was published twice.")
    return None


def unfinished(world: World, events: tuple[tuple[str, str], ...], found: list[str]) -> Anomaly | None:
    """Nothing is missing, neither in the topic nor in what the slot has confirmed."""
    for event, aggregate in events:
        if event not in found:
            return Anomaly("lost message", f"{event} of {aggregate} was never published.")
    pending = [json.loads(data) for (data,) in world.database.query(PENDING)]
    if any((change["action"], change.get("table")) == ("I", "outbox") for change in pending):
        return Anomaly(
            "stuck", "All is published, and the slot has not confirmed it: the log can never be removed."
        )
    return None


def named(text: object) -> str:
    """The id of the event that this is, or nothing."""
    try:
        return str(json.loads(text)["id"])  # pyright: ignore
    except (ValueError, TypeError, LookupError):
        return ""


RELAY = Process("relay", "relay", ("db", "producer", "clock"), start_ms=100)
SCENARIO = Scenario(
    name="cdc relay",
    processes=(
        Process("late", commit_late, faults=frozenset()),
        Process("quick", clean_up_at_once, faults=frozenset(), start_ms=10),
        RELAY,
    ),
    check=published(*EVENTS),
    topics=(("events", 1),),
    tables=TABLES,
    slots=("relay",),
)
ONE_BY_ONE = replace(SCENARIO, processes=(Process("service", one_by_one(*EVENTS), faults=frozenset()), RELAY))
MANY = replace(
    SCENARIO,
    processes=(Process("service", one_by_one(*TWELVE), faults=frozenset()), RELAY),
    check=published(*TWELVE),
)


def test_every_event_is_published(verify):
    """Without any fault each event is published once, also of a transaction that commits late."""
    verify(SCENARIO)


def test_a_crash_at_every_await(verify):
    """The relay may die at each of its awaits: it goes on where the slot is."""
    verify(SCENARIO.with_faults("crash"))


def test_a_message_that_is_not_delivered(verify):
    """What Kafka did not get is not confirmed, and is tried again before anything later of its aggregate."""
    verify(SCENARIO.with_faults("error"))


def test_an_acknowledgement_that_is_late(verify):
    """While the relay waits for an acknowledgement another transaction commits: it is not confirmed unread."""
    verify(SCENARIO.with_faults("lose"))


def test_transactions_that_wait_together(verify):
    """Kafka may not get a message of one: what comes behind it neither passes it nor is confirmed before."""
    verify(ONE_BY_ONE.with_faults("error", "crash"))


def test_many_transactions(verify):
    """Twelve events come in the order in which they were inserted."""
    verify(MANY)


def test_all_of_it_together(verify):
    """Crashes, lost acknowledgements and failures of both, in any combination."""
    verify(SCENARIO.with_faults("crash", "lose", "error"))
