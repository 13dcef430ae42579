"""The database: real SQLite behind PostgreSQL's transaction rules and psycopg's errors.

Rules, and where PostgreSQL defines them
- Each process has a connection of its own. What was not committed when it crashes is rolled back.
- READ COMMITTED (PostgreSQL's default): each statement sees what is committed when it starts, and its own
  transaction's writes. So two transactions can both read before either writes. (While one writes, the others
  read from a copy of what was committed when it began.)
- A writer waits for the other writer to end, at most `LOCK_TIMEOUT_MS`, then gets LockNotAvailable. PostgreSQL
  locks rows; here the first write of a transaction locks the whole database, so there are no deadlocks.
  `SELECT … FOR UPDATE` locks like a write.
- After an error inside of a transaction every statement fails with InFailedSqlTransaction until it ends.
- Faults: *error*: a statement is cancelled (QueryCanceled); its transaction has failed, the connection lives.
  *lose request* and *lose reply* of a COMMIT: the connection breaks (OperationalError) before or after the
  commit took effect, and the process cannot tell which; from then on the connection is closed.
- A statement sees nothing but the tables: SQLite's clock, chance, files, settings and temporary tables are
  refused, since a run has to be the same every time and a crash has to take all memory. A statement that works
  for too long is cancelled.

Left out here, with an error that says so: savepoints in SQL (nested `transaction()` blocks are savepoints), SKIP
LOCKED. SQLite's types are laxer than PostgreSQL's: a column takes a value of any type.
"""

import re
import sqlite3
from collections import deque
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, ClassVar

from unreliable.requests import Begin, Commit, Execute, Failure, Plain, Request, Rollback, Rows

if TYPE_CHECKING:
    from unreliable.world import Process, World

LOCK_TIMEOUT_MS = 5_000

CANCELED = Failure("QueryCanceled", ("canceling statement due to statement timeout",))
BROKEN = Failure("OperationalError", ("consuming input failed: server closed the connection unexpectedly",))
CLOSED = Failure("OperationalError", ("the connection is closed",))
NO_LOCK = Failure("LockNotAvailable", ("canceling statement due to lock timeout",))
NO_SAVEPOINTS = Failure(
    "FeatureNotSupported", ("savepoints are nested `async with db.transaction()` blocks here",)
)
NO_SKIPPING = Failure("FeatureNotSupported", ("SKIP LOCKED is not modelled: one lock covers the whole database",))
FAILED_TRANSACTION = Failure(
    "InFailedSqlTransaction",
    ("current transaction is aborted, commands ignored until end of transaction block",),
)
NO_ROWS = Rows(-1, None, ())


@dataclass(slots=True)
class Connection:
    """One process's connection. `depth` counts open transaction and savepoints, `writing` holds the lock."""

    sqlite: sqlite3.Connection
    depth: int = 0
    writing: bool = False
    failed: bool = False
    closed: bool = False


@dataclass(frozen=True)
class Statement:
    """A statement of PostgreSQL as SQLite takes it.

    `kind`: read, write, schema, begin, commit, rollback or absent, which is not modelled, for the reason `absent`.
    """

    kind: str
    sql: str
    waits: bool = True
    absent: Failure | None = None


class Database:
    """The database of one scenario, used by one world after the other (`enter`), each on fresh tables."""

    requests: ClassVar = (Begin, Execute, Commit, Rollback)

    def __init__(self, tables: str) -> None:
        self._tables = tables
        self._pool: list[sqlite3.Connection] = []
        self._waiting: deque[tuple[Process, Execute]] = deque()
        self._writer: Connection | None = None
        self._altered = False
        self._rounds = 0
        self._create()

    def options(self, request: type[Request]) -> tuple[str, ...]:
        if request is Commit:
            return ("lose request", "lose reply")
        return ("error",) if request is Execute else ()

    # One world after the other

    def enter(self, world: "World") -> None:
        """Serves this world from now on, with the tables as the scenario defines them."""
        self._world = world
        self._read_while_written = len(world.scenario.processes) > 1 or world.trace is not None
        for connection in self._connections.values():
            self._release(connection)
        self._connections.clear()
        self._waiting.clear()
        self._writer = None
        if self._schema_version() != self._first_version:
            self.close()
            self._create()
        elif self._dirty:
            self._restore()
        self._known: object = None
        self._fill_pool()

    def _create(self) -> None:
        self._uri = f"file:/unreliable-{next(_numbers)}?vfs=memdb"
        self._connections: dict[str, Connection] = {}
        self._reader = self._open()
        self._snapshot = sqlite3.connect(":memory:", isolation_level=None)
        self._guard(self._snapshot)
        self._reader.executescript(self._tables)
        for config in (sqlite3.SQLITE_DBCONFIG_ENABLE_FKEY, sqlite3.SQLITE_DBCONFIG_ENABLE_TRIGGER):
            self._reader.setconfig(config, False)  # rows are restored as they were, and nothing else happens
        self._first_version = self._version = self._schema_version()
        self._initial = {name: rows for name, _, rows in self._contents() if rows is not None}
        self._dirty = False

    def _restore(self) -> None:
        run = self._reader.execute
        run("BEGIN IMMEDIATE")
        for name, rows in sorted(self._initial.items(), key=_sequences_last):
            if self._rows(name) != rows:
                run(f"DELETE FROM {_quoted(name)}")
                if rows:
                    places = ",".join("?" * len(rows[0]))
                    self._reader.executemany(f"INSERT INTO {_quoted(name)} VALUES ({places})", rows)
        run("COMMIT")
        self._dirty = False

    def close(self) -> None:
        """Closes all connections; the tables are gone."""
        for sqlite in (
            self._reader,
            self._snapshot,
            *self._pool,
            *(c.sqlite for c in self._connections.values()),
        ):
            sqlite.close()
        self._pool.clear()

    def _open(self) -> sqlite3.Connection:
        sqlite = sqlite3.connect(self._uri, uri=True, isolation_level=None, cached_statements=256)
        sqlite.execute("PRAGMA journal_mode = MEMORY")
        sqlite.execute("PRAGMA foreign_keys = ON")
        return sqlite

    def _connection(self, process: "Process") -> Connection:
        connection = self._connections.get(process.name)
        if connection is None:
            connection = self._connections[process.name] = Connection(self._pool.pop())
        return connection

    def _fill_pool(self) -> None:
        """A connection for each process that has a `db`; while one writes, SQLite opens no other."""
        users = sum("db" in spec.objects for spec in self._world.scenario.processes)
        while len(self._pool) < users:
            sqlite = self._open()
            self._guard(sqlite)
            sqlite.set_authorizer(_authorize)
            self._pool.append(sqlite)

    def _guard(self, sqlite: sqlite3.Connection) -> None:
        """Keeps a process's statements to the tables."""
        for name in _IMPURE:
            sqlite.create_function(name, -1, _refuse)
        sqlite.set_progress_handler(self._worked, ROUND)

    def _worked(self) -> bool:
        """Called by SQLite after each round of work; whether that was too much for one statement."""
        self._rounds += 1
        return self._rounds > MOST_ROUNDS

    def _release(self, connection: Connection) -> None:
        if connection.sqlite.in_transaction:
            connection.sqlite.rollback()
        self._pool.append(connection.sqlite)

    # Requests

    def perform(self, process: "Process", request: Request, outcome: str) -> None:
        connection = self._connection(process)
        if connection.closed:
            self._reply(process, request, CLOSED)
            return
        match request:
            case Execute():
                self._execute(process, connection, request, outcome)
            case Begin():
                self._begin(process, connection)
            case Commit():
                self._commit(process, connection, outcome)
            case _:
                self._rollback(process, connection)
        self._let_next()

    def _begin(self, process: "Process", connection: Connection) -> None:
        if connection.failed:
            self._reply(process, Begin(), FAILED_TRANSACTION)
            return
        if connection.writing and connection.depth:
            connection.sqlite.execute(f"SAVEPOINT s{connection.depth}")
        connection.depth += 1
        self._reply(process, Begin(), NO_ROWS)

    def _commit(self, process: "Process", connection: Connection, outcome: str) -> None:
        inner = connection.depth > 1
        if outcome == "lose reply" and (inner or connection.failed):
            outcome = "lose request"  # there was nothing to commit yet: the broken connection loses it all
        if outcome == "lose request":
            self._end(connection, "ROLLBACK")
        elif connection.failed and inner:
            connection.depth -= 1
            self._reply(process, Commit(), FAILED_TRANSACTION)
            return
        elif connection.failed:
            self._rollback(process, connection)
            return
        elif inner:
            self._leave_savepoint(connection, "RELEASE")
        else:
            self._end(connection, "COMMIT")
        connection.closed = outcome != "ok"
        if self._world.trace is not None:
            self._world.trace.database(process, Commit(), outcome)
        self._world.answer(process, NO_ROWS if outcome == "ok" else BROKEN)

    def _rollback(self, process: "Process", connection: Connection) -> None:
        if connection.depth > 1:
            self._leave_savepoint(connection, "ROLLBACK TO")
            connection.failed = False
        else:
            self._end(connection, "ROLLBACK")
        self._reply(process, Rollback(), NO_ROWS)

    def _leave_savepoint(self, connection: Connection, how: str) -> None:
        connection.depth -= 1
        if connection.writing:
            connection.sqlite.execute(f"{how} s{connection.depth}")

    def _end(self, connection: Connection, how: str) -> None:
        """Ends the outermost transaction and gives its lock back."""
        connection.depth = 0
        connection.failed = False
        if connection.writing:
            changed = connection.sqlite.total_changes != self._changes_before
            connection.sqlite.execute(how)
            connection.writing = False
            self._writer = None
            if how == "COMMIT" and (self._has_new_schema() or changed):
                self._touched()

    def _has_new_schema(self) -> bool:
        """Whether a statement since the last time really changed the schema (`IF NOT EXISTS` may not)."""
        before = self._version
        if self._altered:
            self._altered = False
            self._version = self._schema_version()
        return self._version != before

    def _schema_version(self) -> int:
        return self._reader.execute("PRAGMA schema_version").fetchone()[0]

    def _execute(self, process: "Process", connection: Connection, request: Execute, outcome: str) -> None:
        statement = translate(request.sql)
        ends = statement.kind in {"commit", "rollback"}
        if connection.failed and not ends:
            self._reply(process, request, FAILED_TRANSACTION)
        elif outcome == "error" and not connection.failed:
            self._fail(process, connection, request, CANCELED)
        elif statement.absent is not None:
            self._fail(process, connection, request, statement.absent)
        elif ends:
            self._end(connection, "ROLLBACK" if connection.failed else statement.kind.upper())
            self._reply(process, request, NO_ROWS)
        elif statement.kind == "begin":
            connection.depth = connection.depth or 1  # inside of a transaction it is only a warning
            self._reply(process, request, NO_ROWS)
        elif statement.kind == "read":
            sqlite = self._committed() if self._writer and not connection.writing else connection.sqlite
            self._reply(process, request, self._run(connection, sqlite, statement, request))
        else:
            self._write(process, connection, statement, request)

    def _fail(self, process: "Process", connection: Connection, request: Request, failure: Failure) -> None:
        """The statement fails, and with it the transaction that it is in."""
        connection.failed = connection.depth > 0
        self._reply(process, request, failure)

    def _write(self, process: "Process", connection: Connection, statement: Statement, request: Execute) -> None:
        if not self._lock(connection):
            if not statement.waits:
                self._fail(process, connection, request, NO_LOCK)
                return
            self._waiting.append((process, request))
            assert process.heard is not None
            ticket = len(process.heard)
            self._world.after(LOCK_TIMEOUT_MS, Database.lock_timeout, self, *process.here, ticket)
            if self._world.trace is not None:
                self._world.trace.locked(process, request)
            return
        reply = self._run(connection, connection.sqlite, statement, request)
        self._altered = self._altered or statement.kind == "schema"
        if not connection.depth:
            self._end(connection, "COMMIT")
        self._reply(process, request, reply)

    def _lock(self, connection: Connection) -> bool:
        """Takes the write lock for the connection's transaction, if nobody else has it."""
        if connection.writing:
            return True
        if self._writer is not None:
            return False
        if self._read_while_written:
            self._image = self._reader.serialize()
            self._image_is_loaded = False
        connection.sqlite.execute("BEGIN IMMEDIATE")
        connection.writing = True
        self._writer = connection
        self._changes_before = connection.sqlite.total_changes
        self._altered = False
        for depth in range(1, connection.depth):
            connection.sqlite.execute(f"SAVEPOINT s{depth}")
        return True

    def _let_next(self) -> None:
        while self._waiting and self._writer is None:
            process, request = self._waiting.popleft()
            self._execute(process, self._connection(process), request, "ok")

    def lock_timeout(self, name: str, life: int, ticket: int) -> None:
        """A statement has waited too long for the lock, if it still waits."""
        for process, request in list(self._waiting):
            if process.here == (name, life) and len(process.heard or ()) == ticket:
                self._waiting.remove((process, request))
                self._fail(process, self._connection(process), request, NO_LOCK)

    def _run(
        self, connection: Connection, sqlite: sqlite3.Connection, statement: Statement, request: Execute
    ) -> Rows | Failure:
        self._rounds = 0
        before = sqlite.total_changes
        try:
            cursor = sqlite.execute(statement.sql, request.parameters)
            rows = tuple(cursor.fetchall())
        except (sqlite3.Error, OverflowError, UnicodeError) as error:
            connection.failed = connection.depth > 0
            return _postgres_error(error)
        if cursor.description:
            return Rows(len(rows), tuple(column[0] for column in cursor.description), rows)
        changed = sqlite.total_changes - before if statement.kind == "write" else -1
        return Rows(cursor.rowcount if cursor.rowcount >= 0 else changed, None, rows)

    def _reply(self, process: "Process", request: Request, reply: Rows | Failure) -> None:
        if self._world.trace is not None:
            self._world.trace.database(process, request, "ok", reply)
        self._world.answer(process, reply)

    def crashed(self, process: "Process") -> None:
        """The connection is gone: what it had not committed is rolled back."""
        self._waiting = deque(waiting for waiting in self._waiting if waiting[0] is not process)
        connection = self._connections.pop(process.name, None)
        if connection is not None:
            self._end(connection, "ROLLBACK")
            self._release(connection)
            self._let_next()

    # What lasts

    def _touched(self) -> None:
        self._dirty = True
        self._known = None
        self._world.changed()

    def _committed(self) -> sqlite3.Connection:
        """Where what is committed can be read, also while somebody writes."""
        if self._writer is None:
            return self._reader
        if not self._image_is_loaded:
            self._snapshot.deserialize(self._image)
            self._image_is_loaded = True
        return self._snapshot

    def query(self, sql: str, *parameters: Plain) -> list[tuple[Plain, ...]]:
        """The rows of a SELECT on what is committed, for checks."""
        return self._committed().execute(sql, parameters).fetchall()

    def table_names(self) -> list[str]:
        """The tables of the scenario and those that processes have created."""
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
        return [name for (name,) in self._committed().execute(sql).fetchall()]

    def rows(self, table: str) -> tuple[list[str], list[tuple[Plain, ...]]]:
        """Columns and committed rows of a table."""
        cursor = self._committed().execute(f"SELECT * FROM {_quoted(table)}")
        return [column[0] for column in cursor.description], cursor.fetchall()

    def state(self) -> object:
        """All that is committed, and who waits for the lock."""
        if self._known is None:
            self._known = self._contents()
        waiting = tuple((process.name, request) for process, request in self._waiting)
        return self._known, waiting

    def _contents(self) -> "tuple[Content, ...]":
        """Tables with their rows, and what else is in the schema; SQLite's table of sequences is among them."""
        sql = "SELECT name, sql, type = 'table' FROM sqlite_master ORDER BY rowid"
        found = self._committed().execute(sql).fetchall()
        return tuple((name, text, self._rows(name) if is_table else None) for name, text, is_table in found)

    def _rows(self, table: str) -> tuple[tuple[Plain, ...], ...]:
        return tuple(self.rows(table)[1])


type Content = tuple[str, str | None, tuple[tuple[Plain, ...], ...] | None]

_numbers = count()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _sequences_last(table: tuple[str, object]) -> bool:
    """Inserting rows moves their table's sequence, so sequences are restored after all tables."""
    return table[0] == "sqlite_sequence"


# What a statement must not do: SQLite's own ways out of the tables of this run.

ROUND = 1_000_000  # instructions of SQLite's virtual machine
MOST_ROUNDS = 10

_DENIED = frozenset(
    getattr(sqlite3, f"SQLITE_{action}")
    for action in (
        *("ATTACH", "DETACH", "PRAGMA", "CREATE_VTABLE", "CREATE_TEMP_TABLE", "CREATE_TEMP_INDEX"),
        *("CREATE_TEMP_TRIGGER", "CREATE_TEMP_VIEW"),
    )
)
_IMPURE = (
    *("random", "randomblob", "date", "time", "datetime", "julianday", "strftime", "unixepoch", "timediff"),
    *("current_date", "current_time", "current_timestamp", "now", "clock_timestamp", "gen_random_uuid"),
    *("changes", "total_changes", "last_insert_rowid", "load_extension"),
)


def _authorize(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_DENY if action in _DENIED else sqlite3.SQLITE_OK


def _refuse(*_: object) -> None:
    raise ValueError


# From PostgreSQL's language to SQLite's

_KINDS = {
    **{"SELECT": "read", "VALUES": "read", "BEGIN": "begin", "START": "begin"},
    **{"COMMIT": "commit", "END": "commit", "ROLLBACK": "rollback", "ABORT": "rollback"},
    **{"CREATE": "schema", "DROP": "schema", "ALTER": "schema"},
}
_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(\w*)", re.S)
_CHANGES = re.compile(r"\b(INSERT|UPDATE|DELETE)\b", re.I)
_SAVEPOINT = re.compile(r"\s*(SAVEPOINT|RELEASE|ROLLBACK\s+(WORK\s+|TRANSACTION\s+)?TO)\b", re.I)
_FOR_UPDATE = re.compile(
    r"\s+FOR\s+(?:NO\s+KEY\s+)?UPDATE(?:\s+OF\s+\w+)?(?:\s+(NOWAIT|SKIP\s+LOCKED))?\s*;?\s*$", re.I
)


@lru_cache(maxsize=1024)
def translate(sql: str) -> Statement:
    """`%s` becomes `?`, `%%` becomes `%`; FOR UPDATE is a lock; schema changes are writes."""
    if _SAVEPOINT.match(sql):
        return Statement("absent", sql, absent=NO_SAVEPOINTS)
    first = _FIRST_WORD.match(sql)
    word = first[1].upper() if first else ""
    kind = "read" if word == "WITH" and not _CHANGES.search(sql) else _KINDS.get(word, "write")
    waits = True
    locking = _FOR_UPDATE.search(sql)
    if locking:
        how = (locking[1] or "").upper()
        if how.startswith("SKIP"):
            return Statement("absent", sql, absent=NO_SKIPPING)
        sql, kind, waits = sql[: locking.start()], "write", how != "NOWAIT"
    return Statement(kind, re.sub(r"%[s%]", lambda match: "?" if match[0] == "%s" else "%", sql), waits)


_CONSTRAINTS = {
    "SQLITE_CONSTRAINT_UNIQUE": "UniqueViolation",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "UniqueViolation",
    "SQLITE_CONSTRAINT_NOTNULL": "NotNullViolation",
    "SQLITE_CONSTRAINT_CHECK": "CheckViolation",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "ForeignKeyViolation",
    "SQLITE_AUTH": "FeatureNotSupported",
    "SQLITE_INTERRUPT": "QueryCanceled",
}
_MESSAGES = {
    "no such table": "UndefinedTable",
    "no such column": "UndefinedColumn",
    "has no column named": "UndefinedColumn",
    "no such function": "UndefinedFunction",
    "already exists": "DuplicateTable",
    "syntax error": "SyntaxError",
    "incomplete input": "SyntaxError",
    "unrecognized token": "SyntaxError",
}
_REFUSED = "user-defined function raised exception"


def _postgres_error(error: Exception) -> Failure:
    """What PostgreSQL and psycopg call this error of SQLite."""
    text = str(error)
    if isinstance(error, OverflowError):
        return Failure("NumericValueOutOfRange", ("integer out of range",))
    if isinstance(error, UnicodeError):
        return Failure("DataError", (text,))
    if text == _REFUSED:
        reason = "the database has no clock and no chance here: pass times, ids and random numbers as parameters"
        return Failure("FeatureNotSupported", (reason,))
    name = _CONSTRAINTS.get(getattr(error, "sqlite_errorname", ""))
    found = (kind for part, kind in _MESSAGES.items() if part in text)
    return Failure(name or next(found, "ProgrammingError"), (text,))
