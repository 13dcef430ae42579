"""Replication slots give what was committed in the order of commits, as PostgreSQL 15 with wal2json does.

A test's sessions take turns, as their statements stand in the list.
"""

import json
from contextlib import suppress
from typing import Any

import pytest

from unreliable import Process, Program, Scenario, explore, replay
from unreliable.clients import psycopg

TABLES = (
    "CREATE TABLE outbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT, sent BOOLEAN NOT NULL DEFAULT FALSE)"
)
OPTIONS = "'format-version', '2'"
PEEK = f"SELECT lsn, xid, data FROM pg_logical_slot_peek_changes('relay', NULL, NULL, {OPTIONS})"
GET = PEEK.replace("peek", "get")
ADVANCE = "SELECT end_lsn FROM pg_replication_slot_advance('relay', %s)"
INSERT = "INSERT INTO outbox (id) VALUES (%s)"


def run(*statements: tuple[str, str, Any]) -> list[Any]:
    """What each statement gives: (session, SQL, parameters, or a function of what came before)."""
    given: list[Any] = []

    def session(name: str):
        async def act(db, clock):
            for number, (whose, sql, parameters) in enumerate(statements):
                if whose == name:
                    await clock.sleep(number - clock.now())
                    given.append(await _answer(db, sql, parameters(given) if callable(parameters) else parameters))

        return act

    names = dict.fromkeys(name for name, _, _ in statements)
    processes = tuple(Process(name, session(name)) for name in names)
    replay(Scenario("slots", processes, lambda world: None, tables=TABLES, slots=("relay",)), Program(""))
    assert len(given) == len(statements)
    return given


async def _answer(db: psycopg.AsyncConnection, sql: str, parameters: Any) -> Any:
    try:
        cursor = await db.execute(sql, parameters)
        return await cursor.fetchall() if cursor.description else cursor.rowcount
    except psycopg.Error as error:
        return type(error).__name__, str(error)


def told(rows: list[tuple[str, str, str]]) -> list[str]:
    """The rows in short: B, C, or what happened to which row."""
    short: list[str] = []
    for _, _, data in rows:
        change = json.loads(data)
        cells = {cell["name"]: cell["value"] for cell in change.get("columns", change.get("identity", []))}
        short.append(change["action"] + str(cells.get("id", cells.get("seq", ""))))
    return short


LATE = [
    ("a", "BEGIN", ()),
    ("a", INSERT, ("e1",)),
    ("b", INSERT, ("e2",)),
    ("b", "BEGIN", ()),
    ("b", INSERT, ("e3",)),
    ("b", "UPDATE outbox SET sent = TRUE WHERE id = 'e3'", ()),
    ("b", "DELETE FROM outbox WHERE id = 'e3'", ()),
    ("b", "COMMIT", ()),
    ("a", "COMMIT", ()),
]


def test_transactions_come_in_the_order_of_their_commits_with_all_that_they_did():
    *_, rows = run(*LATE, ("a", PEEK, ()))
    assert told(rows) == ["B", "Ie2", "C", "B", "Ie3", "Ue3", "D3", "C", "B", "Ie1", "C"]
    assert json.loads(rows[0][2]) == {"action": "B"}
    assert json.loads(rows[5][2]) == {
        "action": "U",
        "schema": "public",
        "table": "outbox",
        "columns": [
            {"name": "seq", "type": "integer", "value": 3},
            {"name": "id", "type": "text", "value": "e3"},
            {"name": "sent", "type": "boolean", "value": True},
        ],
        "identity": [{"name": "seq", "type": "integer", "value": 3}],
    }


def test_positions_of_changes_may_go_backwards_and_those_of_commits_do_not():
    *_, rows = run(*LATE, ("a", PEEK, ()))
    commits = [lsn for lsn, _, data in rows if json.loads(data)["action"] == "C"]
    changes = [lsn for lsn, _, data in rows if json.loads(data)["action"] == "I"]
    assert commits == sorted(commits)
    assert changes[-1] == min(changes)
    xids = [int(xid) for _, xid, _ in rows]
    assert xids[-1] == min(xids)


def test_what_was_rolled_back_is_not_told_nor_is_a_savepoint():
    statements = [("a", "BEGIN", ()), ("a", INSERT, ("e1",)), ("a", "ROLLBACK", ()), ("a", INSERT, ("e2",))]
    *_, rows = run(*statements, ("a", PEEK, ()))
    assert told(rows) == ["B", "Ie2", "C"]

    async def nested(db):
        async with db.transaction():
            await db.execute(INSERT, ("e1",))
            async with db.transaction():
                await db.execute(INSERT, ("e2",))
                raise psycopg.Rollback

    async def outer(db):
        async with db.transaction():
            await db.execute(INSERT, ("e0",))
            async with db.transaction() as inner:
                await db.execute(INSERT, ("e1",))
                raise psycopg.Rollback(inner)

    seen: list[str] = []

    def check(world):
        seen.extend(told(world.database.query(PEEK)))

    for act in (nested, outer):
        scenario = Scenario("slots", (Process("a", act),), check, tables=TABLES, slots=("relay",))
        replay(scenario, Program(""))
    assert seen == ["B", "Ie1", "C", "B", "Ie0", "C"]


def test_a_limit_is_looked_at_after_each_transaction():
    limited = PEEK.replace("NULL, NULL", "NULL, 1")
    *_, rows = run(*LATE, ("a", limited, ()))
    assert told(rows) == ["B", "Ie2", "C"]
    upto = PEEK.replace("NULL, NULL", "%s, NULL")
    *_, rows, until = run(*LATE, ("a", PEEK, ()), ("a", upto, lambda given: (given[-1][7][0],)))
    assert told(until) == told(rows)[:8]


def test_peeking_confirms_nothing_and_getting_confirms_all():
    *_, first, second, third = run(*LATE, ("a", PEEK, ()), ("a", GET, ()), ("a", PEEK, ()))
    assert (first, third) == (second, [])


def test_a_transaction_is_passed_when_its_commit_is():
    *_, peeked, _, again, _, rest = run(
        *LATE,
        ("a", PEEK, ()),
        ("a", ADVANCE, lambda given: (given[-1][1][0],)),  # the position of the first change
        ("a", PEEK, ()),
        ("a", ADVANCE, lambda given: (given[-1][2][0],)),  # the position of the first commit
        ("a", PEEK, ()),
    )
    assert again == peeked
    assert rest == peeked[3:]


def test_a_slot_goes_neither_backwards_nor_beyond_the_end():
    *_, end, backwards = run(
        *LATE, ("a", PEEK, ()), ("a", ADVANCE, ("F/0",)), ("a", ADVANCE, lambda given: (given[-2][0][0],))
    )
    *_, (now,) = run(*LATE, ("a", "SELECT pg_current_wal_lsn()", ()))
    assert end == [now]
    assert backwards[0] == "ObjectNotInPrerequisiteState"
    assert "cannot advance replication slot to" in backwards[1]


def test_a_rollback_takes_back_no_confirmation():
    *_, rows = run(*LATE, ("a", "BEGIN", ()), ("a", GET, ()), ("a", "ROLLBACK", ()), ("a", PEEK, ()))
    assert rows == []


def test_actions_and_tables_can_be_chosen_and_the_commits_are_told_all_the_same():
    chosen = PEEK.replace(OPTIONS, f"{OPTIONS}, 'add-tables', 'public.outbox', 'actions', 'insert'")
    other = PEEK.replace(OPTIONS, f"{OPTIONS}, 'add-tables', 'public.orders'")
    *_, rows, none = run(*LATE, ("a", chosen, ()), ("a", other, ()))
    assert told(rows) == ["B", "Ie2", "C", "B", "Ie3", "C", "B", "Ie1", "C"]
    assert told(none) == ["B", "C"] * 3


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        (PEEK.replace("'relay'", "'nobody'"), "UndefinedObject"),
        (PEEK.replace("NULL, NULL", "'zz', NULL"), "InvalidTextRepresentation"),
        (ADVANCE.replace("%s", "'zz'"), "InvalidTextRepresentation"),
        (ADVANCE.replace("'relay'", "'nobody'").replace("%s", "'0/1'"), "UndefinedObject"),
        (PEEK.replace(f", {OPTIONS}", ""), "FeatureNotSupported"),
        (PEEK.replace(OPTIONS, f"{OPTIONS}, 'include-lsn', '1'"), "FeatureNotSupported"),
        (PEEK.replace(f", NULL, NULL, {OPTIONS}", ""), "UndefinedFunction"),
        ("SELECT pg_logical_slot_get_changes('relay', NULL, NULL)", "FeatureNotSupported"),
    ],
)
def test_what_is_wrong_is_said(sql: str, error: str):
    assert run(("a", sql, ()))[0][0] == error


def test_a_slot_is_part_of_what_lasts():
    async def write(db):
        with suppress(psycopg.Error):
            await db.execute(INSERT, ("e1",))

    async def read(db):
        with suppress(psycopg.Error):
            await db.execute(GET)

    seen: set[int] = set()

    def check(world):
        seen.add(len(world.database.query(PEEK)))

    processes = (Process("writer", write), Process("reader", read, start_ms=100))
    scenario = Scenario("slots", processes, check, tables=TABLES, slots=("relay",)).with_faults("crash", "error")
    verdict = explore(scenario, Program(""))
    assert verdict.exhausted
    assert seen == {0, 3}
    trace = replay(scenario, Program("")).trace
    written = next(event.state["tables"]["slot relay"]["rows"] for event in trace.events if event.kind == "write")
    assert [json.loads(data)["action"] for _, data in written] == ["B", "I", "C"]
    assert trace.events[-1].state["tables"]["slot relay"]["rows"] == []


@pytest.mark.parametrize("position", ["%s::pg_lsn", "CAST(%s AS pg_lsn)"])
def test_a_position_may_be_cast(position: str):
    given = run(
        ("a", INSERT, ("e1",)),
        ("a", PEEK, ()),
        ("a", ADVANCE.replace("%s", position), lambda given: (given[1][-1][0],)),
        ("a", PEEK, ()),
    )
    assert given[2:] == [[(given[1][-1][0],)], []]
