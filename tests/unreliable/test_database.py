"""The database keeps PostgreSQL's rules between two sessions, statement by statement as in two windows of psql."""

from textwrap import indent
from typing import Any

import pytest

from unreliable import Process, Program, Scenario, Schedule, replay
from unreliable.database import LOCK_TIMEOUT_MS, Database
from unreliable.requests import Begin, Commit, Execute, Failure, Rollback, Rows
from unreliable.world import Process as Running

TABLES = """
    CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance > -100));
    CREATE TABLE processed (id TEXT PRIMARY KEY);
    CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT);
    CREATE TABLE log (text TEXT);
    CREATE TABLE orders (id TEXT PRIMARY KEY, account TEXT NOT NULL REFERENCES accounts (id));
    INSERT INTO accounts VALUES ('alice', 0), ('bob', 0);
"""
WAITS = "waits"
DONE = Rows(-1, None, ())
PUT = "UPDATE accounts SET balance = %s WHERE id = %s"
ADD = "UPDATE accounts SET balance = balance + %s WHERE id = %s"
MARK = "INSERT INTO processed VALUES (%s)"
FOR_UPDATE = "SELECT balance FROM accounts WHERE id = %s FOR UPDATE"


class Server:
    """As much of a world as the database needs: replies are heard at once, and time passes when told to."""

    trace = None

    def __init__(self, tables: str = TABLES) -> None:
        self.timers: list[tuple[int, Any, Any, tuple[Any, ...]]] = []
        self.now_ms = self.changes = 0
        self.database = Database(tables)
        self.database.enter(self)  # pyright: ignore

    def after(self, delay_ms: int, happen: Any, owner: Any, *arguments: Any) -> None:
        self.timers.append((self.now_ms + delay_ms, happen, owner, arguments))

    def answer(self, process: Running, reply: Any) -> None:
        assert process.heard is not None
        process.heard.append(reply)

    def changed(self) -> None:
        self.changes += 1

    def pass_time(self, duration_ms: int) -> None:
        self.now_ms += duration_ms
        for timer in [timer for timer in self.timers if timer[0] <= self.now_ms]:
            self.timers.remove(timer)
            _, happen, owner, arguments = timer
            happen(owner, *arguments)

    def session(self, name: str) -> "Session":
        return Session(self, name)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.database.query(sql)


class Session:
    """A process's connection. Each method answers what the process hears, or `WAITS` if nothing yet."""

    def __init__(self, server: Server, name: str) -> None:
        self._server = server
        self._process = Running(Process(name, "run"), name, life=1, heard=[])

    def ask(self, request: Any, outcome: str = "ok") -> Any:
        before = len(self.heard)
        self._server.database.perform(self._process, request, outcome)
        return self.heard[-1] if len(self.heard) > before else WAITS

    def execute(self, sql: str, *parameters: Any, outcome: str = "ok") -> Any:
        return self.ask(Execute(sql, parameters), outcome)

    def rows(self, sql: str, *parameters: Any) -> Any:
        reply = self.execute(sql, *parameters)
        return list(reply.rows) if isinstance(reply, Rows) else reply

    def begin(self) -> Any:
        return self.ask(Begin())

    def commit(self, outcome: str = "ok") -> Any:
        return self.ask(Commit(), outcome)

    def rollback(self) -> Any:
        return self.ask(Rollback())

    def crash(self) -> None:
        self._server.database.crashed(self._process)

    @property
    def heard(self) -> list[Any]:
        assert self._process.heard is not None
        return self._process.heard


@pytest.fixture
def server():
    server = Server()
    yield server
    server.database.close()


@pytest.fixture
def a(server: Server) -> Session:
    return server.session("A")


@pytest.fixture
def b(server: Server) -> Session:
    return server.session("B")


def error(reply: Any) -> str:
    """The name of the exception that a reply becomes."""
    assert isinstance(reply, Failure), reply
    return reply.error


def balance(session: Session, account: str = "alice") -> int:
    return session.rows("SELECT balance FROM accounts WHERE id = %s", account)[0][0]


# READ COMMITTED


def test_nobody_sees_what_is_not_committed(a: Session, b: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    assert balance(b) == 0
    a.commit()
    assert balance(b) == 7


def test_a_transaction_sees_its_own_writes(a: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    assert balance(a) == 7


def test_a_transaction_sees_its_own_writes_after_another_had_its_turn(a: Session, b: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    b.execute(PUT, 8, "bob")
    assert (balance(a, "alice"), balance(a, "bob")) == (7, 8)


def test_each_statement_sees_what_was_committed_before_it(a: Session, b: Session):
    b.begin()
    assert balance(b) == 0
    a.execute(PUT, 7, "alice")
    assert balance(b) == 7


def test_an_update_can_be_lost(a: Session, b: Session):
    for session in (a, b):
        session.begin()
        assert balance(session) == 0
    a.execute(PUT, 10, "alice")
    assert b.execute(PUT, 20, "alice") == WAITS
    a.commit()
    b.commit()
    assert balance(a) == 20


def test_an_increment_is_not_lost(a: Session, b: Session):
    a.begin()
    a.execute(ADD, 10, "alice")
    assert b.execute(ADD, 20, "alice") == WAITS
    a.commit()
    assert balance(b) == 30


def test_what_is_rolled_back_never_was(a: Session, server: Server):
    a.begin()
    a.execute(PUT, 7, "alice")
    a.execute(MARK, "p1")
    a.rollback()
    assert server.query("SELECT balance FROM accounts") == [(0,), (0,)]
    assert server.query("SELECT * FROM processed") == []


def test_a_crash_rolls_back(a: Session, b: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    a.crash()
    assert balance(b) == 0


def test_a_statement_outside_of_a_transaction_is_committed_at_once(a: Session, b: Session):
    a.execute(PUT, 7, "alice")
    a.crash()
    assert balance(b) == 7


# Locks


@pytest.mark.parametrize("end", ["commit", "rollback", "crash"])
def test_who_wants_a_written_row_waits_for_the_end_of_the_transaction(a: Session, b: Session, end: str):
    a.begin()
    a.execute(ADD, 1, "alice")
    assert b.execute(ADD, 2, "alice") == WAITS
    getattr(a, end)()
    assert b.heard[-1] == Rows(1, None, ())
    assert balance(b) == (3 if end == "commit" else 2)


def test_an_update_that_changes_nothing_locks_its_row(a: Session, b: Session):
    a.begin()
    a.execute("UPDATE accounts SET balance = balance WHERE id = 'alice'")
    b.begin()
    assert b.execute("UPDATE accounts SET id = id WHERE id = 'bob'").rowcount == 1
    assert b.execute("UPDATE accounts SET id = id WHERE id = 'alice'") == WAITS
    a.commit()
    assert b.heard[-1].rowcount == 1


def test_other_rows_are_free(a: Session, b: Session):
    a.begin()
    a.execute(PUT, 1, "alice")
    assert b.execute(PUT, 2, "bob").rowcount == 1


def test_who_deletes_a_row_locks_it(a: Session, b: Session):
    a.begin()
    a.execute("DELETE FROM accounts WHERE id = 'alice'")
    assert b.execute(ADD, 1, "alice") == WAITS
    a.commit()
    assert b.heard[-1].rowcount == 0


def test_rows_without_a_key_are_locked_too(server: Server, a: Session, b: Session):
    a.execute("INSERT INTO log VALUES ('x'), ('y')")
    a.begin()
    a.execute("UPDATE log SET text = 'z' WHERE text = 'x'")
    assert b.execute("DELETE FROM log WHERE text = 'y'").rowcount == 1
    assert b.execute("DELETE FROM log") == WAITS


def test_rows_whose_unique_columns_are_null_are_locked_too():
    server = Server("CREATE TABLE jobs (owner TEXT UNIQUE, done INTEGER); INSERT INTO jobs VALUES (NULL, 0);")
    a, b = server.session("A"), server.session("B")
    a.begin()
    a.execute("UPDATE jobs SET done = done + 1")
    assert b.execute("UPDATE jobs SET done = done + 1") == WAITS


def test_new_rows_without_a_key_meet_nobody(server: Server, a: Session, b: Session):
    for session in (a, b):
        session.begin()
        assert session.execute("INSERT INTO log VALUES ('x')").rowcount == 1
    a.commit()
    b.commit()
    assert server.query("SELECT * FROM log") == [("x",), ("x",)]


def test_who_inserts_the_same_key_waits_and_then_conflicts(a: Session, b: Session):
    a.begin()
    a.execute(MARK, "p1")
    assert b.execute(MARK, "p1") == WAITS
    a.commit()
    assert error(b.heard[-1]) == "UniqueViolation"


def test_who_inserts_the_same_key_waits_and_may_if_the_other_rolls_back(a: Session, b: Session):
    a.begin()
    a.execute(MARK, "p1")
    assert b.execute(MARK, "p1") == WAITS
    a.rollback()
    assert b.heard[-1].rowcount == 1


def test_on_conflict_do_nothing_waits_and_then_does_nothing(a: Session, b: Session):
    a.begin()
    a.execute(MARK, "p1")
    assert b.execute(f"{MARK} ON CONFLICT DO NOTHING", "p1") == WAITS
    a.commit()
    assert b.heard[-1].rowcount == 0


@pytest.mark.parametrize(("end", "inserted"), [("commit", 1), ("rollback", 0)])
def test_who_inserts_a_key_that_is_being_deleted_waits(a: Session, b: Session, end: str, inserted: int):
    a.execute(MARK, "p1")
    a.begin()
    a.execute("DELETE FROM processed")
    assert b.execute(f"{MARK} ON CONFLICT DO NOTHING", "p1") == WAITS
    getattr(a, end)()
    assert b.heard[-1].rowcount == inserted


def test_who_deletes_a_locked_row_waits_before_constraints_are_looked_at(a: Session, b: Session):
    a.execute("INSERT INTO orders VALUES ('o1', 'alice')")
    a.begin()
    a.execute(FOR_UPDATE, "alice")
    assert b.execute("DELETE FROM accounts WHERE id = 'alice'") == WAITS
    a.commit()
    assert error(b.heard[-1]) == "ForeignKeyViolation"


def test_a_reader_never_waits(a: Session, b: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    b.begin()
    b.execute(PUT, 8, "bob")
    assert balance(b, "alice") == 0


def test_a_wait_ends_with_a_timeout(server: Server, a: Session, b: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    assert b.execute(PUT, 8, "alice") == WAITS
    server.pass_time(LOCK_TIMEOUT_MS - 1)
    assert b.heard == []
    server.pass_time(1)
    assert error(b.heard[-1]) == "LockNotAvailable"


def test_who_got_the_lock_in_time_hears_of_no_timeout(server: Server, a: Session, b: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    b.execute(PUT, 8, "alice")
    a.commit()
    server.pass_time(LOCK_TIMEOUT_MS)
    assert b.heard == [Rows(1, None, ())]


def test_a_transaction_fails_with_the_lock_timeout(server: Server, a: Session, b: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    b.begin()
    b.execute(PUT, 8, "alice")
    server.pass_time(LOCK_TIMEOUT_MS)
    assert error(b.execute("SELECT 1")) == "InFailedSqlTransaction"


def test_a_crash_ends_the_wait(server: Server, a: Session, b: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    b.execute(PUT, 8, "alice")
    b.crash()
    a.commit()
    assert b.heard == []
    assert server.query("SELECT balance FROM accounts WHERE id = 'alice'") == [(7,)]


def test_three_wait_in_line(server: Server, a: Session, b: Session):
    c = server.session("C")
    a.begin()
    a.execute(PUT, 1, "alice")
    b.begin()
    assert b.execute(ADD, 10, "alice") == WAITS
    assert c.execute(ADD, 100, "alice") == WAITS
    a.commit()
    assert c.heard == []
    b.commit()
    assert balance(c) == 111


def test_a_deadlock_is_found_and_ends_one_of_the_two(server: Server, a: Session, b: Session):
    for session, account in ((a, "alice"), (b, "bob")):
        session.begin()
        session.execute(ADD, 1, account)
    assert a.execute(ADD, 10, "bob") == WAITS
    assert error(b.execute(ADD, 10, "alice")) == "DeadlockDetected"
    b.rollback()
    assert a.heard[-1].rowcount == 1
    a.commit()
    assert server.query("SELECT balance FROM accounts ORDER BY id") == [(1,), (10,)]


def test_a_deadlock_of_three_is_found(server: Server, a: Session, b: Session):
    c = server.session("C")
    a.execute("INSERT INTO accounts VALUES ('carol', 0)")
    for session, account in ((a, "alice"), (b, "bob"), (c, "carol")):
        session.begin()
        session.execute(ADD, 1, account)
    assert a.execute(ADD, 10, "bob") == WAITS
    assert b.execute(ADD, 10, "carol") == WAITS
    assert error(c.execute(ADD, 10, "alice")) == "DeadlockDetected"


# SELECT … FOR UPDATE


def test_for_update_locks_what_it_finds(a: Session, b: Session):
    a.begin()
    a.execute(FOR_UPDATE, "alice")
    assert b.execute(ADD, 1, "alice") == WAITS
    a.commit()
    assert b.heard[-1].rowcount == 1


def test_for_update_waits_and_then_sees_what_was_committed(a: Session, b: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    b.begin()
    assert b.execute(FOR_UPDATE, "alice") == WAITS
    a.commit()
    assert b.heard[-1].rows == ((7,),)


def test_for_update_lets_readers_and_other_rows_alone(a: Session, b: Session):
    a.begin()
    a.execute(FOR_UPDATE, "alice")
    assert balance(b) == 0
    assert b.execute(FOR_UPDATE, "bob").rows == ((0,),)


def test_for_update_that_finds_nothing_locks_nothing(a: Session, b: Session):
    a.begin()
    assert a.rows("SELECT id FROM processed WHERE id = %s FOR UPDATE", "p1") == []
    assert b.execute(MARK, "p1").rowcount == 1


def test_for_update_knows_an_alias(a: Session, b: Session):
    a.begin()
    assert a.rows("SELECT a.balance FROM accounts a WHERE a.id = %s FOR UPDATE", "alice") == [(0,)]
    assert a.rows("SELECT a.balance FROM accounts AS a WHERE a.id = %s FOR UPDATE OF a", "alice") == [(0,)]
    assert b.execute(ADD, 1, "alice") == WAITS


def test_for_update_nowait_fails_at_once(a: Session, b: Session):
    a.begin()
    a.execute(FOR_UPDATE, "alice")
    assert error(b.execute(f"{FOR_UPDATE} NOWAIT", "alice")) == "LockNotAvailable"
    assert b.execute(f"{FOR_UPDATE} NOWAIT", "bob").rows == ((0,),)


def test_for_update_skip_locked_finds_the_next(a: Session, b: Session):
    take = "SELECT id FROM accounts ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
    for session, account in ((a, "alice"), (b, "bob")):
        session.begin()
        assert session.rows(take) == [(account,)]


def test_skip_locked_skips_rows_and_subqueries_see_them(a: Session, b: Session):
    """PostgreSQL 15: whether a row is the first does not depend on locks."""
    first = "SELECT id FROM accounts WHERE id = (SELECT min(id) FROM accounts) FOR UPDATE SKIP LOCKED"
    a.begin()
    assert a.rows(first) == [("alice",)]
    assert b.rows(first) == []
    assert b.rows("SELECT a.* FROM accounts a WHERE a.balance = %s FOR UPDATE SKIP LOCKED", 0) == [("bob", 0)]


def test_skip_locked_may_skip_a_row_that_others_refer_to(a: Session, b: Session):
    a.execute("INSERT INTO orders VALUES ('o1', 'alice')")
    a.begin()
    a.execute(FOR_UPDATE, "alice")
    assert b.rows("SELECT id FROM accounts FOR UPDATE SKIP LOCKED") == [("bob",)]


@pytest.mark.parametrize("kind", ["SHARE", "KEY SHARE"])
def test_shared_locks_are_refused(a: Session, kind: str):
    assert error(a.execute(f"SELECT * FROM accounts FOR {kind}")) == "FeatureNotSupported"


# Errors and transactions


def test_after_an_error_a_transaction_only_fails(a: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    assert error(a.execute("SELECT nonsense")) == "UndefinedColumn"
    assert error(a.execute("SELECT 1")) == "InFailedSqlTransaction"
    assert error(a.begin()) == "InFailedSqlTransaction"
    a.commit()
    assert balance(a) == 0


def test_an_error_outside_of_a_transaction_is_only_its_own(a: Session):
    assert error(a.execute("SELECT nonsense")) == "UndefinedColumn"
    assert a.rows("SELECT 1") == [(1,)]


def test_a_canceled_statement_did_nothing_and_its_transaction_has_failed(a: Session):
    a.begin()
    assert error(a.execute(PUT, 7, "alice", outcome="error")) == "QueryCanceled"
    assert error(a.execute("SELECT 1")) == "InFailedSqlTransaction"
    a.rollback()
    assert balance(a) == 0


def test_a_statement_that_fails_half_way_did_nothing(a: Session):
    a.execute(MARK, "p2")
    assert error(a.execute("INSERT INTO processed VALUES ('p1'), ('p2')")) == "UniqueViolation"
    assert a.rows("SELECT id FROM processed") == [("p2",)]


def test_a_savepoint_can_be_undone_alone(a: Session, b: Session):
    a.begin()
    a.execute(PUT, 1, "alice")
    a.begin()
    a.execute(PUT, 2, "alice")
    a.execute(PUT, 2, "bob")
    a.rollback()
    a.commit()
    assert (balance(b, "alice"), balance(b, "bob")) == (1, 0)


def test_a_savepoint_stays_with_the_transaction(a: Session, b: Session):
    a.begin()
    a.begin()
    a.execute(PUT, 2, "alice")
    a.commit()
    assert balance(b) == 0
    a.rollback()
    assert balance(b) == 0


def test_a_failed_savepoint_leaves_the_transaction_usable(a: Session):
    a.execute(MARK, "p1")
    a.begin()
    a.begin()
    assert error(a.execute(MARK, "p1")) == "UniqueViolation"
    a.rollback()
    a.execute(PUT, 7, "alice")
    a.commit()
    assert balance(a) == 7


def test_the_locks_of_a_savepoint_end_with_its_rollback(a: Session, b: Session):
    a.begin()
    a.execute(ADD, 1, "alice")
    a.begin()
    a.execute(ADD, 1, "bob")
    assert b.execute(ADD, 10, "bob") == WAITS
    a.rollback()
    assert b.heard[-1].rowcount == 1
    assert b.execute(ADD, 10, "alice") == WAITS


def test_a_connection_that_breaks_before_the_commit_has_lost_it_all(a: Session, b: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    assert b.execute(ADD, 1, "alice") == WAITS
    assert error(a.commit("lose request")) == "OperationalError"
    assert balance(b) == 1


def test_a_connection_that_breaks_after_the_commit_has_done_it(a: Session, b: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    assert error(a.commit("lose reply")) == "OperationalError"
    assert balance(b) == 7


def test_both_ways_to_break_sound_alike(server: Server):
    replies: list[Any] = []
    for outcome in ("lose request", "lose reply"):
        session = server.session(outcome)
        session.begin()
        replies.append(session.commit(outcome))
    assert replies[0] == replies[1]


@pytest.mark.parametrize("request_", [Begin(), Commit(), Rollback(), Execute("SELECT 1", ())], ids=repr)
def test_a_broken_connection_stays_closed(a: Session, request_: Any):
    a.begin()
    a.commit("lose reply")
    assert a.ask(request_) == Failure("OperationalError", ("the connection is closed",))


def test_the_client_knows_that_its_connection_is_lost_when_it_has_heard_so():
    source = """
import psycopg
async def work(db):
    print(db.closed, db.broken)
    try:
        async with db.transaction():
            await db.execute("UPDATE accounts SET balance = 1")
    except psycopg.OperationalError:
        pass
    print(db.closed, db.broken)
"""
    lossy = Scenario("work", (Process("work", "work", ("db",)),), lambda _: None, tables=TABLES).with_faults(
        "lose"
    )
    commit = next(c for c in replay(lossy, Program(source)).trace.choices if "lose reply" in c.options)
    for schedule, ending in (
        (Schedule(), "False False"),
        (Schedule().then(commit.number, commit.options.index("lose reply")), "True True"),
    ):
        program = Program(source)
        program.output.collecting = True
        replay(lossy, program, schedule)
        assert program.output.text.splitlines() == ["False False", ending]


def test_transactions_can_be_begun_by_statements(a: Session, b: Session):
    a.execute("BEGIN")
    a.execute(PUT, 7, "alice")
    assert balance(b) == 0
    a.execute("COMMIT")
    assert balance(b) == 7


# Transactions that are put aside, since SQLite has but one at a time


def test_keys_can_be_handed_on_within_a_transaction(a: Session, b: Session):
    a.execute("INSERT INTO processed VALUES ('p1'), ('p2')")
    a.begin()
    a.execute("DELETE FROM processed WHERE id = 'p2'")
    a.execute("UPDATE processed SET id = 'p2' WHERE id = 'p1'")
    balance(b)
    b.execute(PUT, 1, "alice")
    assert a.rows("SELECT id FROM processed") == [("p2",)]
    a.commit()
    assert b.rows("SELECT id FROM processed") == [("p2",)]


def test_keys_can_be_swapped_within_a_transaction(a: Session, b: Session):
    a.execute("INSERT INTO processed VALUES ('p1'), ('p2')")
    a.begin()
    for old, new in (("p1", "x"), ("p2", "p1"), ("x", "p2")):
        a.execute("UPDATE processed SET id = %s WHERE id = %s", new, old)
    b.execute(PUT, 1, "alice")
    assert sorted(a.rows("SELECT id FROM processed")) == [("p1",), ("p2",)]
    a.commit()
    assert sorted(b.rows("SELECT id FROM processed")) == [("p1",), ("p2",)]


def test_a_row_and_the_one_that_it_refers_to_can_be_new_in_one_transaction(a: Session, b: Session):
    a.begin()
    a.execute("INSERT INTO accounts VALUES ('carol', 0)")
    a.execute("INSERT INTO orders VALUES ('o1', 'carol')")
    b.execute(PUT, 1, "alice")
    a.execute("INSERT INTO orders VALUES ('o2', 'carol')")
    a.commit()
    assert b.rows("SELECT count(*) FROM orders") == [(2,)]


def test_a_row_that_a_new_row_refers_to_cannot_be_deleted_meanwhile(a: Session, b: Session):
    a.begin()
    a.execute("INSERT INTO orders VALUES ('o1', 'alice')")
    assert b.execute("DELETE FROM accounts WHERE id = 'alice'") == WAITS
    a.commit()
    assert error(b.heard[-1]) == "ForeignKeyViolation"


def test_a_row_that_a_new_row_refers_to_can_be_updated_meanwhile(a: Session, b: Session):
    a.begin()
    a.execute("INSERT INTO orders VALUES ('o1', 'alice')")
    assert b.execute(ADD, 1, "alice").rowcount == 1
    a.commit()
    assert balance(b) == 1


def test_who_refers_to_a_row_that_is_being_deleted_waits(a: Session, b: Session):
    a.begin()
    a.execute("DELETE FROM accounts WHERE id = 'alice'")
    assert b.execute("INSERT INTO orders VALUES ('o1', 'alice')") == WAITS
    a.commit()
    assert error(b.heard[-1]) == "ForeignKeyViolation"


def test_who_refers_to_a_row_that_is_not_committed_fails_at_once(a: Session, b: Session):
    a.begin()
    a.execute("INSERT INTO accounts VALUES ('carol', 0)")
    assert error(b.execute("INSERT INTO orders VALUES ('o1', 'carol')")) == "ForeignKeyViolation"


def test_what_cascades_is_done_once():
    server = Server("""
        CREATE TABLE parents (id TEXT PRIMARY KEY);
        CREATE TABLE children (id TEXT PRIMARY KEY, parent TEXT REFERENCES parents (id) ON DELETE CASCADE);
        INSERT INTO parents VALUES ('p'), ('q');
        INSERT INTO children VALUES ('c', 'p'), ('d', 'q');
    """)
    a, b = server.session("A"), server.session("B")
    a.begin()
    a.execute("DELETE FROM parents WHERE id = 'p'")
    a.execute("UPDATE parents SET id = 'p' WHERE id = 'nobody'")
    b.execute("UPDATE children SET id = 'e' WHERE id = 'd'")
    a.commit()
    assert server.query("SELECT * FROM children") == [("e", "q")]


# Sequences


def test_numbers_are_given_out_in_another_order_than_commits(server: Server, a: Session, b: Session):
    a.begin()
    assert a.rows("INSERT INTO outbox (text) VALUES ('first') RETURNING id") == [(1,)]
    assert b.rows("INSERT INTO outbox (text) VALUES ('second') RETURNING id") == [(2,)]
    assert server.query("SELECT id FROM outbox") == [(2,)]
    a.commit()
    assert server.query("SELECT id FROM outbox") == [(1,), (2,)]


@pytest.mark.parametrize("end", ["rollback", "crash"])
def test_a_number_that_was_given_out_is_never_given_again(a: Session, b: Session, end: str):
    a.begin()
    a.execute("INSERT INTO outbox (text) VALUES ('first')")
    getattr(a, end)()
    assert b.rows("INSERT INTO outbox (text) VALUES ('second') RETURNING id") == [(2,)]


def test_a_number_that_nobody_took_is_never_given_again(a: Session, b: Session):
    a.execute("INSERT INTO outbox (text) VALUES ('first')")
    for session in (a, b):
        session.begin()
        session.execute("INSERT INTO outbox (id, text) VALUES (1, 'again') ON CONFLICT DO NOTHING")
        session.rows("SELECT * FROM outbox FOR UPDATE")
    a.rollback()
    b.rollback()
    assert a.rows("INSERT INTO outbox (text) VALUES ('second') RETURNING id") == [(2,)]


@pytest.mark.parametrize("looked", [False, True])
@pytest.mark.parametrize(("amount", "changes"), [(0, 0), (5, 1)])
def test_what_is_a_change_does_not_depend_on_who_has_looked(
    server: Server, a: Session, looked: bool, amount: int, changes: int
):
    a.begin()
    a.rows(FOR_UPDATE, "alice")
    if looked:
        server.database.state()
    before = server.changes
    a.execute(ADD, amount, "alice")
    a.commit()
    assert server.changes == before + changes


def test_a_savepoint_gives_no_number_back(a: Session):
    a.begin()
    a.begin()
    a.execute("INSERT INTO outbox (text) VALUES ('first')")
    a.rollback()
    assert a.rows("INSERT INTO outbox (text) VALUES ('second') RETURNING id") == [(2,)]


# The schema


def test_a_table_can_be_created_and_used(a: Session, b: Session):
    a.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
    b.execute("CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY)")
    a.begin()
    a.execute("INSERT INTO seen VALUES ('x')")
    assert b.execute("INSERT INTO seen VALUES ('x')") == WAITS


def test_the_schema_cannot_be_changed_in_a_transaction(a: Session):
    a.begin()
    assert error(a.execute("CREATE TABLE seen (id TEXT)")) == "FeatureNotSupported"
    assert error(a.execute("SELECT 1")) == "InFailedSqlTransaction"


def test_a_new_table_does_not_wait_for_anybody(a: Session, b: Session):
    a.begin()
    a.execute(PUT, 7, "alice")
    assert b.execute("CREATE TABLE seen (id TEXT)") == DONE
    a.commit()
    assert balance(b) == 7


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE processed",
        "ALTER TABLE processed ADD COLUMN at TEXT",
        "CREATE UNIQUE INDEX one ON processed (id)",
    ],
)
def test_a_table_is_changed_when_its_writers_are_done(a: Session, b: Session, change: str):
    a.begin()
    a.execute(MARK, "p1")
    assert b.execute(change) == WAITS
    a.commit()
    assert b.heard[-1] == DONE


def test_a_new_world_begins_with_the_tables_of_the_scenario(server: Server, a: Session):
    a.execute("CREATE TABLE seen (id TEXT)")
    a.execute("INSERT INTO outbox (text) VALUES ('first')")
    a.execute("DELETE FROM accounts WHERE id = 'alice'")
    server.database.enter(server)  # pyright: ignore
    assert server.database.table_names() == ("accounts", "processed", "outbox", "log", "orders")
    assert server.query("SELECT id FROM accounts") == [("alice",), ("bob",)]
    b = server.session("B")
    assert b.rows("INSERT INTO outbox (text) VALUES ('first') RETURNING id") == [(1,)]


def test_a_new_world_finds_the_rows_in_their_old_order(server: Server, a: Session):
    a.execute("DELETE FROM accounts WHERE id = 'alice'")
    server.database.enter(server)  # pyright: ignore
    assert server.session("B").rows("SELECT id FROM accounts") == [("alice",), ("bob",)]
    assert server.query("SELECT rowid FROM accounts") == [(1,), (2,)]


# What psycopg says of it


def said(body: str) -> list[str]:
    """What a program prints that does `body` with its `db`; the name of the exception, if it dies."""
    program = Program(f"import psycopg\nasync def work(db):\n{indent(body, '    ')}")
    program.output.collecting = True
    scenario = Scenario("work", (Process("work", "work", ("db",)),), lambda _: None, tables=TABLES)
    replayed = replay(scenario, program)
    died = [event.label for event in replayed.trace.events if event.kind == "exception"]
    return [*program.output.text.splitlines(), *died[:1]]


def test_nested_blocks_are_savepoints():
    assert said("""
async with db.transaction():
    await db.execute("INSERT INTO processed VALUES ('p1')")
    try:
        async with db.transaction():
            await db.execute("INSERT INTO processed VALUES ('p2'), ('p1')")
    except psycopg.errors.UniqueViolation as error:
        print(error.sqlstate)
print(await (await db.execute("SELECT * FROM processed")).fetchall())
""") == ["23505", "[('p1',)]"]


def test_a_rollback_leaves_the_block_that_it_names():
    assert said("""
async with db.transaction() as outer:
    await db.execute("INSERT INTO processed VALUES ('p1')")
    async with db.transaction():
        raise psycopg.Rollback(outer)
    print("not here")
print(await (await db.execute("SELECT * FROM processed")).fetchall())
""") == ["[]"]


def test_an_error_that_is_swallowed_in_a_block_undoes_it_silently():
    assert said("""
async with db.transaction():
    await db.execute("INSERT INTO processed VALUES ('p1')")
    try:
        await db.execute("nonsense")
    except psycopg.errors.SyntaxError:
        pass
print(await (await db.execute("SELECT * FROM processed")).fetchall())
""") == ["[]"]


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ('"SELECT %s || %s", ("a", "b")', "('ab',)"),
        ('"SELECT %(b)s || %(a)s || %(b)s", {"a": "a", "b": "b"}', "('bab',)"),
        ("\"SELECT '100%%', %s\", (1,)", "('100%', 1)"),
        ("\"SELECT '100%'\"", "('100%',)"),
        ("\"SELECT '%s'\"", "('%s',)"),
        ('"SELECT %s", [None]', "(None,)"),
        ('"SELECT %s", (b"\\x00",)', "(b'\\x00',)"),
        ('"SELECT id FROM accounts WHERE id = ANY(%s)", (["bob", "x"],)', "('bob',)"),
        ('"SELECT id FROM accounts WHERE id = ANY(%(ids)s)", {"ids": ["bob"]}', "('bob',)"),
        ('"SELECT count(*) FROM accounts WHERE id <> ALL(%s)", (["bob", "x"],)', "(1,)"),
        ('"SELECT count(*) FROM accounts WHERE id = ANY (%s) AND balance < %s", ([], 9)', "(0,)"),
        ('"SELECT id FROM accounts WHERE id = ANY(%s) FOR UPDATE", (["bob"],)', "('bob',)"),
    ],
)
def test_parameters_are_bound_as_psycopg_binds_them(call: str, answer: str):
    assert said(f"print(await (await db.execute({call})).fetchone())") == [answer]


@pytest.mark.parametrize(
    ("call", "raised"),
    [
        ('"SELECT %s, %s", (1,)', "ProgrammingError"),
        ('"SELECT %s", (1, 2)', "ProgrammingError"),
        ('"SELECT 1", (1,)', "ProgrammingError"),
        ('"SELECT %s"', "SyntaxError"),
        ('"SELECT %d", (1,)', "ProgrammingError"),
        ('"SELECT %(a)s", {}', "ProgrammingError"),
        ('"SELECT %(a)s", (1,)', "TypeError"),
        ('"SELECT %s", {"a": 1}', "TypeError"),
        ('"SELECT %s", 1', "TypeError"),
        ('"SELECT %s", "x"', "TypeError"),
        ('"SELECT %s", (object(),)', "ProgrammingError"),
        ('"SELECT %s", ([1],)', "ProgrammingError"),
        ('"SELECT %s", (2**63,)', "NumericValueOutOfRange"),
        ('"SELECT %s", ("\\ud800",)', "DataError"),
        ("None", "TypeError"),
    ],
)
def test_wrong_parameters_are_an_exception_of_the_program(call: str, raised: str):
    caught = "except Exception as error:\n    print(type(error).__name__)"
    assert said(f"try:\n    await db.execute({call})\n{caught}") == [raised]


def test_a_cursor_gives_its_rows_once():
    assert said("""
cursor = await db.execute("SELECT id FROM accounts ORDER BY id")
print(cursor.rowcount, [column[0] for column in cursor.description])
print(await cursor.fetchone(), await cursor.fetchmany(5), await cursor.fetchone())
cursor = await db.execute("UPDATE accounts SET balance = 1")
print(cursor.rowcount, cursor.description)
try:
    await cursor.fetchone()
except psycopg.ProgrammingError as error:
    print(error)
""") == [
        "2 ['id']",
        "('alice',) [('bob',)] None",
        "2 None",
        "the last operation didn't produce records (command status: none)",
    ]


def test_many_executions_stand_or_fall_together():
    assert said("""
cursor = db.cursor()
await cursor.executemany("UPDATE accounts SET balance = balance + %s WHERE id = %s", [(5, "alice"), (7, "bob")])
print(cursor.rowcount, await (await db.execute("SELECT sum(balance) FROM accounts")).fetchone())
try:
    await cursor.executemany("INSERT INTO accounts VALUES (%s, 1)", [("carol",), ("bob",)])
except psycopg.errors.UniqueViolation:
    print(await (await db.execute("SELECT count(*) FROM accounts")).fetchone(), db.closed)
async with db.transaction():
    await cursor.executemany("INSERT INTO accounts VALUES (%s, 1)", [("carol",), ("dave",)])
print(await (await db.execute("SELECT count(*) FROM accounts")).fetchone())
""") == ["2 (12,)", "(2,) False", "(4,)"]


def test_returning_gives_the_rows_that_were_written():
    assert said("""
cursor = await db.execute("UPDATE accounts SET balance = balance + 5 WHERE id = 'bob' RETURNING id, balance")
print(cursor.rowcount, await cursor.fetchall())
""") == ["1 [('bob', 5)]"]


def test_commit_and_rollback_are_forbidden_inside_a_block():
    assert said("""
async with db.transaction():
    await db.commit()
""") == ["ProgrammingError"]


@pytest.mark.parametrize(
    ("sql", "raised"),
    [
        ("INSERT INTO accounts VALUES ('alice', 0)", "UniqueViolation"),
        ("INSERT INTO accounts VALUES ('carol', NULL)", "NotNullViolation"),
        ("UPDATE accounts SET balance = -200", "CheckViolation"),
        ("INSERT INTO orders VALUES ('o1', 'nobody')", "ForeignKeyViolation"),
        ("SELECT * FROM nowhere", "UndefinedTable"),
        ("SELECT nonsense FROM accounts", "UndefinedColumn"),
        ('SELECT id FROM accounts WHERE id = "alice"', "UndefinedColumn"),
        ("SELECT nonsense()", "UndefinedFunction"),
        ("CREATE TABLE accounts (id TEXT)", "DuplicateTable"),
        ("SELEC 1", "SyntaxError"),
        ("SELECT 1 +", "SyntaxError"),
        ("", "SyntaxError"),
        ("SELECT 'open", "SyntaxError"),
        ("INSERT OR IGNORE INTO processed VALUES ('p1')", "SyntaxError"),
        ("REPLACE INTO processed VALUES ('p1')", "SyntaxError"),
        ("SELECT rowid FROM accounts", "UndefinedColumn"),
    ],
)
def test_errors_have_their_names_in_postgresql(a: Session, sql: str, raised: str):
    assert error(a.execute(sql)) == raised


@pytest.mark.parametrize(
    "sql",
    [
        "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
        "START TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SAVEPOINT here",
        "ROLLBACK TO SAVEPOINT here",
        "LOCK TABLE accounts",
        "SELECT '1'::int",
        "SELECT pg_advisory_lock(1)",
        "SELECT now()",
        "SELECT CURRENT_TIMESTAMP",
        "SELECT random()",
        "SELECT gen_random_uuid()",
        "SELECT last_insert_rowid()",
        "INSERT INTO processed VALUES ('x') ON CONFLICT ON CONSTRAINT processed_pkey DO NOTHING",
        "SELECT * FROM accounts WHERE id > ANY(%s)",
        "WITH gone AS (DELETE FROM accounts RETURNING id) SELECT * FROM gone",
        "CREATE TEMP TABLE memory (x TEXT)",
        "CREATE TRIGGER again AFTER INSERT ON log BEGIN INSERT INTO log VALUES ('x'); END",
        "CREATE TABLE numbers (id SERIAL PRIMARY KEY)",
        "CREATE TABLE numbers (id INTEGER GENERATED ALWAYS AS IDENTITY)",
        "CREATE TABLE strange (id TEXT PRIMARY KEY) WITHOUT ROWID",
        "CREATE TABLE late (id TEXT REFERENCES accounts DEFERRABLE INITIALLY DEFERRED)",
        "SELECT DISTINCT ON (balance) id FROM accounts",
        "SELECT * FROM orders WHERE at < CAST(%s AS TIMESTAMP) + INTERVAL '1 day'",
        *("TRUNCATE accounts", "TABLE accounts", "COPY accounts FROM STDIN", "EXPLAIN SELECT 1"),
        "MERGE INTO log USING accounts ON true WHEN MATCHED THEN DO NOTHING",
        *("PREPARE one AS SELECT 1", "EXECUTE one", "DO $$ BEGIN END $$", "CALL pay('alice')"),
        *("LISTEN news", "NOTIFY news", "SHOW transaction_isolation", "VACUUM accounts", "ANALYZE accounts"),
        *("DECLARE all_of_it CURSOR FOR SELECT 1", "FETCH NEXT FROM all_of_it"),
        "-- away with it\n/* all of it */ truncate accounts",
        "-- away with it\nWITH gone AS (SELECT 1) INSERT INTO log SELECT 'x' FROM gone",
        "/* again */ CREATE TRIGGER again AFTER INSERT ON log BEGIN INSERT INTO log VALUES ('x'); END",
    ],
)
def test_what_is_not_modelled_is_refused_as_such(a: Session, sql: str):
    assert error(a.execute(sql, *(["x"] * sql.count("%s")))) == "FeatureNotSupported"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE sqlite_sequence SET seq = -1",
        'DELETE FROM "sqlite_sequence"',
        "INSERT INTO [SQLITE_SEQUENCE] VALUES ('memory', 1)",
        "SELECT * FROM main.sqlite_master",
    ],
)
def test_the_tables_of_sqlite_itself_are_not_there(a: Session, sql: str):
    assert error(a.execute(sql)) == "UndefinedTable"


def test_a_statement_that_is_not_modelled_is_told_what_to_use_instead(a: Session):
    assert "use DELETE FROM" in str(a.execute("TRUNCATE accounts"))


def test_words_of_statements_that_are_not_modelled_are_only_text_elsewhere(a: Session):
    a.execute("INSERT INTO log VALUES ('interval'), ('TRUNCATE'), ('distinct on')")
    assert a.rows("SELECT count(*) FROM log WHERE text IN ('interval', '5', 'TRUNCATE')") == [(2,)]


def test_no_default_is_a_clock(a: Session):
    a.execute("CREATE TABLE aged (id TEXT, at TEXT DEFAULT CURRENT_TIMESTAMP)")
    assert error(a.execute("INSERT INTO aged (id) VALUES ('x')")) == "FeatureNotSupported"


@pytest.mark.parametrize("sql", ["ATTACH ':memory:' AS other", "PRAGMA foreign_keys = OFF", "DETACH main"])
def test_what_only_sqlite_knows_is_a_syntax_error(a: Session, sql: str):
    assert error(a.execute(sql)) == "SyntaxError"


def test_a_statement_that_works_for_ever_is_canceled(a: Session):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    assert error(a.execute(endless)) == "QueryCanceled"
    assert a.rows("SELECT 1") == [(1,)]
