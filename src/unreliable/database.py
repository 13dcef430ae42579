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
    """A statement of PostgreSQL as SQLite takes it. `kind`: read, write, schema, begin, commit or rollback."""

    kind: str
    sql: str


class Database:
    """The database of one scenario, used by one world after the other (`enter`), each on fresh tables."""

    requests: ClassVar = (Begin, Execute, Commit, Rollback)

    def __init__(self, tables: str) -> None:
        self._tables = tables
        self._pool: list[sqlite3.Connection] = []
        self._waiting: deque[tuple[Process, Execute]] = deque()
        self._writer: Connection | None = None
        self._create()

    def options(self, request: type[Request]) -> tuple[str, ...]:
        if request is Commit:
            return ("lose request", "lose reply")
        return ("error",) if request is Execute else ()

    # One world after the other

    def enter(self, world: "World") -> None:
        """Serves this world from now on, with the tables as the scenario defines them."""
        self._world = world
        users = [spec for spec in world.scenario.processes if "db" in spec.objects]
        self._read_while_written = len(users) > 1 or world.trace is not None
        for connection in self._connections.values():
            self._release(connection)
        self._connections.clear()
        self._waiting.clear()
        self._writer = None
        if self._reader.execute("PRAGMA schema_version").fetchone()[0] != self._version:
            self.close()
            self._create()
        elif self._dirty:
            self._restore()
        self._known_rows: object = None

    def _create(self) -> None:
        self._uri = f"file:/unreliable-{next(_numbers)}?vfs=memdb"
        self._connections: dict[str, Connection] = {}
        self._reader = self._open()
        self._snapshot = sqlite3.connect(":memory:", isolation_level=None)
        self._reader.executescript(self._tables)
        self._version = self._reader.execute("PRAGMA schema_version").fetchone()[0]
        self._names = self.table_names()
        self._initial = {name: self.rows(name)[1] for name in self._names}
        self._dirty = False

    def _restore(self) -> None:
        run = self._reader.execute
        run("BEGIN IMMEDIATE")
        run("PRAGMA defer_foreign_keys = ON")
        for name, rows in self._initial.items():
            if self.rows(name)[1] != rows:
                run(f'DELETE FROM "{name}"')
                if rows:
                    self._reader.executemany(f'INSERT INTO "{name}" VALUES ({",".join("?" * len(rows[0]))})', rows)
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
            sqlite = self._pool.pop() if self._pool else self._open()
            connection = self._connections[process.name] = Connection(sqlite)
        return connection

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

    def _begin(self, process: "Process", connection: Connection) -> None:
        if connection.depth:
            if not self._lock(connection):
                self._reply(process, Begin(), NO_LOCK)
                return
            connection.sqlite.execute(f"SAVEPOINT s{connection.depth}")
        connection.depth += 1
        self._reply(process, Begin(), NO_ROWS)

    def _commit(self, process: "Process", connection: Connection, outcome: str) -> None:
        if outcome == "lose request":
            self._end(connection, "ROLLBACK")
        elif connection.failed:
            self._rollback(process, connection)
            return
        elif connection.depth > 1:
            connection.depth -= 1
            connection.sqlite.execute(f"RELEASE s{connection.depth}")
        else:
            self._end(connection, "COMMIT")
        connection.closed = outcome != "ok"
        if self._world.trace is not None:
            self._world.trace.database(process, Commit(), outcome)
        self._world.answer(process, NO_ROWS if outcome == "ok" else BROKEN)

    def _rollback(self, process: "Process", connection: Connection) -> None:
        if connection.depth > 1:
            connection.depth -= 1
            connection.sqlite.execute(f"ROLLBACK TO s{connection.depth}")
            connection.failed = False
        else:
            self._end(connection, "ROLLBACK")
        self._reply(process, Rollback(), NO_ROWS)

    def _end(self, connection: Connection, how: str) -> None:
        """Ends the outermost transaction and gives its lock to the next who waits."""
        connection.depth = 0
        connection.failed = False
        if connection.writing:
            changed = connection.sqlite.total_changes != self._changes_before
            connection.sqlite.execute(how)
            connection.writing = False
            self._writer = None
            if how == "COMMIT" and changed:
                self._touched()
            self._let_next()

    def _execute(self, process: "Process", connection: Connection, request: Execute, outcome: str) -> None:
        if connection.failed:
            self._reply(process, request, FAILED_TRANSACTION)
            return
        if outcome == "error":
            connection.failed = connection.depth > 0
            self._reply(process, request, CANCELED)
            return
        statement = translate(request.sql)
        match statement.kind:
            case "begin":
                self._begin(process, connection)
            case "commit":
                self._commit(process, connection, "ok")
            case "rollback":
                self._rollback(process, connection)
            case "read":
                sqlite = connection.sqlite if connection.writing else self._committed()
                self._reply(process, request, self._run(connection, sqlite, statement, request))
            case _:
                self._write(process, connection, statement, request)

    def _write(self, process: "Process", connection: Connection, statement: Statement, request: Execute) -> None:
        if not self._lock(connection):
            self._waiting.append((process, request))
            assert process.heard is not None
            ticket = len(process.heard)
            self._world.after(LOCK_TIMEOUT_MS, Database.lock_timeout, self, *process.here, ticket)
            if self._world.trace is not None:
                self._world.trace.locked(process, request)
            return
        reply = self._run(connection, connection.sqlite, statement, request)
        if statement.kind == "schema":
            self._changes_before = -1  # SQLite does not count a change of the schema
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
                connection = self._connection(process)
                connection.failed = connection.depth > 0
                self._reply(process, request, NO_LOCK)

    def _run(
        self, connection: Connection, sqlite: sqlite3.Connection, statement: Statement, request: Execute
    ) -> Rows | Failure:
        try:
            cursor = sqlite.execute(statement.sql, request.parameters)
            rows = tuple(cursor.fetchall())
        except sqlite3.Error as error:
            connection.failed = connection.depth > 0
            return _postgres_error(error)
        columns = tuple(column[0] for column in cursor.description) if cursor.description else None
        return Rows(cursor.rowcount if columns is None else len(rows), columns, rows)

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

    # What lasts

    def _touched(self) -> None:
        self._dirty = True
        self._known_rows = None
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
        return [name for (name,) in self._committed().execute(sql)]

    def rows(self, table: str) -> tuple[list[str], list[tuple[Plain, ...]]]:
        """Columns and committed rows of a table."""
        cursor = self._committed().execute(f'SELECT * FROM "{table}"')
        return [column[0] for column in cursor.description], cursor.fetchall()

    def state(self) -> object:
        """The committed rows of all tables, and the tables that are not the scenario's."""
        if self._known_rows is None:
            self._known_rows = tuple((name, tuple(self.rows(name)[1])) for name in self.table_names())
        waiting = tuple((process.name, request) for process, request in self._waiting)
        return self._known_rows, waiting


_numbers = count()

_KINDS = {
    **{"SELECT": "read", "VALUES": "read", "BEGIN": "begin", "START": "begin"},
    **{"COMMIT": "commit", "END": "commit", "ROLLBACK": "rollback", "ABORT": "rollback"},
    **{"CREATE": "schema", "DROP": "schema", "ALTER": "schema"},
}
_FOR_UPDATE = re.compile(
    r"\s+FOR\s+(NO\s+KEY\s+)?UPDATE(\s+OF\s+\w+)?(\s+NOWAIT|\s+SKIP\s+LOCKED)?\s*;?\s*$", re.I
)


@lru_cache(maxsize=1024)
def translate(sql: str) -> Statement:
    """`%s` becomes `?`, `%%` becomes `%`; FOR UPDATE is a lock; schema changes are writes."""
    words = sql.split(None, 1)
    kind = _KINDS.get(words[0].upper().rstrip(";"), "write") if words else "write"
    locking = _FOR_UPDATE.search(sql)
    if locking:
        sql, kind = sql[: locking.start()], "write"
    return Statement(kind, re.sub(r"%[s%]", lambda match: "?" if match[0] == "%s" else "%", sql))


_CONSTRAINTS = {
    "SQLITE_CONSTRAINT_UNIQUE": "UniqueViolation",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "UniqueViolation",
    "SQLITE_CONSTRAINT_NOTNULL": "NotNullViolation",
    "SQLITE_CONSTRAINT_CHECK": "CheckViolation",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "ForeignKeyViolation",
}
_MESSAGES = {
    "no such table": "UndefinedTable",
    "no such column": "UndefinedColumn",
    "syntax error": "SyntaxError",
}


def _postgres_error(error: sqlite3.Error) -> Failure:
    """What PostgreSQL and psycopg call this error of SQLite."""
    text = str(error)
    name = _CONSTRAINTS.get(getattr(error, "sqlite_errorname", ""))
    found = (kind for part, kind in _MESSAGES.items() if part in text)
    return Failure(name or next(found, "ProgrammingError"), (text,))
