"""Each row of the outbox is published at least once, and those of one aggregate in their order.

The tests read as the specification. Each lets the submission run under every schedule of its kind of fault. There
are more of them than elsewhere: of two relays each may be anywhere when the other crashes.
"""

import json
from collections.abc import Callable
from dataclasses import replace

from unreliable import Anomaly, Process, Scenario, World

TABLES = """
    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, aggregate_id TEXT NOT NULL, payload TEXT NOT NULL,
        sent BOOLEAN NOT NULL DEFAULT FALSE, error TEXT
    );
    CREATE TABLE relay_lock (id INTEGER PRIMARY KEY);
    INSERT INTO relay_lock VALUES (1);
"""
INSERT = "INSERT INTO outbox (aggregate_id, payload) VALUES (%s, %s)"
MEND = """
    UPDATE outbox SET payload = %s, error = NULL WHERE error IS NOT NULL AND NOT sent AND length(payload) > 100
"""
LARGEST = 200  # bytes of a batch
TOO_LONG = "x" * LARGEST
EVENTS = (("e1", "o1"), ("e2", "o1"), ("e3", "o2"))
MANY = (*((f"e{number}", "o1") for number in range(1, 41)), *((f"e{number}", "o2") for number in range(41, 106)))


def payload(event: str, text: str = "") -> str:
    return json.dumps({"id": event, "text": text} if text else {"id": event})


def rows(*events: tuple[str, str], poison: str = "") -> str:
    """SQL that puts these (event, aggregate) into the outbox; the one named `poison` is too large."""
    values = [f"('{of}', '{payload(event, TOO_LONG if event == poison else '')}')" for event, of in events]
    return f"{TABLES} INSERT INTO outbox (aggregate_id, payload) VALUES {', '.join(values)};"


def published(*events: tuple[str, str], parked: str = "") -> Callable[[World], Anomaly | None]:
    """A check: all of these are published, but for `parked` and what comes after it in its aggregate."""

    def check(world: World) -> Anomaly | None:
        aggregates = dict(events)
        found: list[str] = []
        for record in world.broker.logs["events", 0]:
            event, key = named(record.value), (record.key or b"").decode("utf-8", "replace")
            if aggregates.get(event) != key:
                return Anomaly("wrong effect", f"The topic has {event or record.value} with the key {key}.")
            found.append(event)
        return out_of_order(events, found) or again(world, found) or unfinished(world, events, found, parked)

    return check


def out_of_order(events: tuple[tuple[str, str], ...], found: list[str]) -> Anomaly | None:
    """Of each aggregate the first copies are in their order."""
    for aggregate in dict(events).values():
        wanted = [event for event, of in events if of == aggregate]
        first = [event for event in dict.fromkeys(found) if event in wanted]
        if first != wanted[: len(first)]:
            told = f"Of {aggregate} come {', '.join(wanted)} in this order; published is {', '.join(first)}."
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


def unfinished(world: World, events: tuple[tuple[str, str], ...], found: list[str], parked: str) -> Anomaly | None:
    """Published is what has to be, and the table says so."""
    table = {named(text): (sent, error) for text, sent, error in world.database.query(STATE)}
    held_up = dict(events).get(parked)
    begun = False
    for event, aggregate in events:
        done = event not in table or table[event][0]
        begun = begun or event == parked
        if begun and aggregate == held_up:
            if done:
                return Anomaly(
                    "lost message", f"Kafka never took {event}, and the outbox does not have it any more."
                )
            if event == parked and not table[event][1]:
                return Anomaly("stuck", f"Kafka will never take {event}, and nobody is told.")
        elif event not in found:
            taken = " The outbox says it was." if done else ""
            return Anomaly("lost message", f"{event} of {aggregate} was never published.{taken}")
        elif not done:
            return Anomaly("stuck", f"{event} is published, and the outbox does not say so.")
    return None


STATE = "SELECT payload, sent, error FROM outbox"


def named(text: object) -> str:
    """The id of the event that this is, or nothing."""
    try:
        return str(json.loads(text)["id"])  # pyright: ignore
    except (ValueError, TypeError, LookupError):
        return ""


async def commit_late(db, clock):
    """Takes the first number, and commits when the second is long there."""
    async with db.transaction():
        await db.execute(INSERT, ("o1", payload("e1")))
        await clock.sleep(1.5)


async def commit_at_once(db):
    """Takes the second number."""
    await db.execute(INSERT, ("o2", payload("e2")))


async def mend(db, clock):
    """Somebody looks for what is parked, now and then, and makes it smaller. By then a relay has seen it."""
    mended = None
    while mended is None or not mended.rowcount:
        await clock.sleep(8.0)
        try:
            mended = await db.execute(MEND, (payload("e1"),))
        except Exception:  # the row may be locked
            continue


async def audit(db, clock):
    """Somebody keeps a row locked for a moment, and changes nothing."""
    async with db.transaction():
        await db.execute("SELECT payload FROM outbox WHERE seq = 1 FOR UPDATE")
        await clock.sleep(0.05)


RELAY = Process("relay", "relay", ("db", "producer", "clock"), start_ms=100)
SCENARIO = Scenario(
    name="relay",
    processes=(RELAY,),
    check=published(*EVENTS),
    topics=(("events", 1),),
    tables=rows(*EVENTS),
    max_message_bytes=LARGEST,
)
ONE_AGGREGATE = replace(SCENARIO, tables=rows(*EVENTS[:2]), check=published(*EVENTS[:2]))
TWO = replace(
    ONE_AGGREGATE, processes=(replace(RELAY, name="relay A"), replace(RELAY, name="relay B", faults=frozenset()))
)
ONE_BY_ONE = replace(
    TWO,
    processes=(TWO.processes[0], replace(TWO.processes[1], start_ms=103), Process("auditor", audit, start_ms=103)),
)
LATE = replace(
    SCENARIO,
    processes=(
        Process("late", commit_late, faults=frozenset()),
        Process("quick", commit_at_once, faults=frozenset(), start_ms=10),
        RELAY,
    ),
    check=published(("e1", "o1"), ("e2", "o2")),
    tables=TABLES,
)
TOO_LARGE = replace(SCENARIO, check=published(*EVENTS, parked="e1"), tables=rows(*EVENTS, poison="e1"))
TWO_AND_TOO_LARGE = replace(TOO_LARGE, processes=TWO.processes)
MANY_WAIT = replace(SCENARIO, check=published(*MANY, parked="e1"), tables=rows(*MANY, poison="e1"))
MENDED = replace(
    TOO_LARGE, processes=(RELAY, Process("operator", mend, faults=frozenset())), check=published(*EVENTS)
)


def test_every_row_is_published(verify):
    """Without any fault each row is published once, in order, and marked or deleted."""
    verify(SCENARIO)


def test_a_crash_at_every_await(verify):
    """The relay may die at each of its awaits: nothing is missing, and the order is kept."""
    verify(SCENARIO.with_faults("crash"))


def test_a_message_that_is_not_delivered(verify):
    """What Kafka did not get is tried again before anything later of its aggregate; statements may fail, too."""
    verify(SCENARIO.with_faults("error"))


def test_an_answer_that_is_lost(verify):
    """An acknowledgement or the answer to a COMMIT does not arrive."""
    verify(SCENARIO.with_faults("lose"))


def test_two_relays_at_once(verify):
    """Two relays neither publish the same row at the same time nor overtake each other; one of them may crash."""
    verify(TWO.with_faults("crash"))


def test_a_relay_that_starts_later(verify):
    """Nothing is published twice when one relay starts a moment later, and somebody has a row locked just then."""
    verify(ONE_BY_ONE)


def test_a_transaction_that_commits_late(verify):
    """A row becomes visible after one with a higher number, perhaps while that is being published."""
    verify(LATE.with_faults("lose", "crash"))


def test_a_message_that_is_too_large(verify):
    """What Kafka refuses for ever is parked; its aggregate waits behind it, the others do not."""
    verify(TOO_LARGE.with_faults("crash"))


def test_many_rows_that_wait(verify):
    """However many rows wait behind it, those of other aggregates go on, and in order."""
    verify(MANY_WAIT)


def test_two_relays_and_a_message_that_is_too_large(verify):
    """What one relay has parked the other does not pass, either."""
    verify(TWO_AND_TOO_LARGE)


def test_what_was_parked_is_mended(verify):
    """When somebody has mended the row, its aggregate goes on where it stopped."""
    verify(MENDED)


def test_all_of_it_together(verify):
    """Crashes, lost answers and failures of both, in any combination."""
    verify(ONE_AGGREGATE.with_faults("crash", "lose", "error"))
