"""The database: real SQLite behind PostgreSQL's transaction rules and psycopg's errors.

Rules, and where PostgreSQL defines them (chapters 13.2 "Transaction Isolation" and 13.3 "Explicit Locking")
- What a process had not committed when it crashes is rolled back.
- READ COMMITTED, PostgreSQL's default: each statement sees what is committed when it starts, and its own
  transaction's writes. So two transactions can both read before either writes, and one write can be lost.
- A transaction locks the rows that it writes, and those that `SELECT … FOR UPDATE` finds. Rows are known by their
  unique keys, so two who insert the same key meet as well. Who refers to a row by a foreign key lets nobody delete
  it meanwhile. Who changes a table or an index waits for all who have written.
- Who wants a locked row waits for the other transaction to end, at most `LOCK_TIMEOUT_MS` (LockNotAvailable), and
  then runs the statement anew. Who would wait for one that waits for him gets DeadlockDetected.
- After an error inside of a transaction every statement fails with InFailedSqlTransaction until it ends.
- A scenario may have replication slots, which give what was committed in the order of commits: see `decoding.py`.
- Faults: *error*: a statement is cancelled (QueryCanceled); its transaction has failed, the connection lives.
  *lose request* and *lose reply* of a COMMIT: the connection breaks (OperationalError) before or after the
  commit took effect, and the process cannot tell which; from then on the connection is closed.

Left out, with an error that says so: other isolation levels, savepoints in SQL (nested `transaction()` blocks
are savepoints), advisory locks, changes of the schema inside of a transaction. Left out silently: a statement
that waited runs anew as a whole, while PostgreSQL looks again only at the rows that it waited for; SQLite's
columns take values of any type.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from unreliable.decoding import Change, Decoding
from unreliable.requests import Begin, Commit, Execute, Failure, Plain, Request, Rollback, Rows
from unreliable.sql import ERRORS, SKIPPED, Statement, absent, failure_of, translate, with_slots
from unreliable.tables import Changes, Content, Key, Tables

if TYPE_CHECKING:
    from unreliable.world import Process, World

LOCK_TIMEOUT_MS = 5_000

CANCELED = Failure("QueryCanceled", ("canceling statement due to statement timeout",))
BROKEN = Failure("OperationalError", ("consuming input failed: server closed the connection unexpectedly",))
CLOSED = Failure("OperationalError", ("the connection is closed",))
NO_LOCK = Failure("LockNotAvailable", ("canceling statement due to lock timeout",))
LOCKED = Failure("LockNotAvailable", ("could not obtain lock on row",))
DEADLOCK = Failure("DeadlockDetected", ("deadlock detected",))
FAILED_TRANSACTION = Failure(
    "InFailedSqlTransaction",
    ("current transaction is aborted, commands ignored until end of transaction block",),
)
NO_ROWS = Rows(-1, None, ())


type Mark = tuple[Changes, frozenset[Key], tuple[Change, ...]]


@dataclass(eq=False, slots=True)
class Connection:
    """One process's connection and its transaction.

    `depth` counts the open blocks; `changes` is what the transaction did before it was put aside, `held` the keys
    that it locked without writing, `written` what slots will be told; `marks` are these three at each savepoint;
    `waits_for` are the ones it waits for.
    """

    depth: int = 0
    failed: bool = False
    closed: bool = False
    changes: Changes = field(default_factory=Changes)
    held: frozenset[Key] = frozenset()
    written: tuple[Change, ...] = ()
    marks: list[Mark] = field(default_factory=list[Mark])
    waits_for: "tuple[Connection, ...]" = ()

    @property
    def locks(self) -> bool:
        """Whether it may be in anybody's way, as far as that is known: an active transaction's writes are not."""
        return bool(self.changes or self.held)

    def blocks(self, wanted: Changes) -> bool:
        """Whether such changes have to wait until this transaction ends."""
        mine = self.changes
        return not (
            wanted.keys.isdisjoint(mine.keys)
            and wanted.keys.isdisjoint(self.held)
            and wanted.gone.isdisjoint(mine.refers)
            and wanted.refers.isdisjoint(mine.gone)
            and wanted.refers.isdisjoint(self.held)
        )

    @property
    def state(self) -> object:
        """What its open transaction has done, which the replies that its process heard do not tell in full."""
        marks = tuple((changes.state, held, written) for changes, held, written in self.marks)
        return self.changes.state, self.held, self.written, marks


class Blocked(Exception):
    """A statement has to wait for other transactions."""

    def __init__(self, holders: tuple[Connection, ...]) -> None:
        self.holders = holders


class Database:
    """The database of one scenario, used by one world after the other (`enter`), each on fresh tables."""

    requests: ClassVar = (Begin, Execute, Commit, Rollback)

    def __init__(self, tables: str, slots: tuple[str, ...] = ()) -> None:
        self.decoding = Decoding(slots)
        self._tables = Tables(tables, self.decoding.functions())

    def options(self, request: type[Request], process: "Process") -> tuple[str, ...]:
        if request is Commit:
            return ("lose request", "lose reply")
        return ("error",) if request is Execute else ()

    def enter(self, world: "World") -> None:
        """Serves this world from now on, with the tables as the scenario defines them."""
        self._world = world
        self._connections: dict[str, Connection] = {}
        self._waiting: deque[tuple[Process, Execute]] = deque()
        self._active: Connection | None = None  # whose transaction is the one in SQLite
        self._updated = frozenset[Key]()  # the rows that the last statement has updated
        self._only_updates = False  # whether that has changed rows, and made none and deleted none
        self._known: Content | None = None  # what is committed, if that was read since the last commit
        self._somebody_ended = False
        self._tables.reset()
        self.decoding.enter()

    def close(self) -> None:
        """The tables are gone."""
        self._tables.close()

    # Requests

    def perform(self, process: "Process", request: Request, outcome: str) -> None:
        connection = self._connections.setdefault(process.name, Connection())
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
        if connection.depth:
            self._put_aside(connection)
            connection.marks.append((connection.changes, connection.held, connection.written))
        connection.depth += 1
        self._reply(process, Begin(), NO_ROWS)

    def _commit(self, process: "Process", connection: Connection, outcome: str) -> None:
        inner = connection.depth > 1
        if outcome == "lose reply" and (inner or connection.failed):
            outcome = "lose request"  # there was nothing to commit yet: the broken connection loses it all
        if outcome == "lose request":
            self._end(connection, commit=False)
        elif connection.failed and inner:
            connection.depth -= 1
            self._reply(process, Commit(), FAILED_TRANSACTION)
            return
        elif connection.failed:
            self._rollback(process, connection)
            return
        elif inner:
            connection.depth -= 1
            connection.marks.pop()
        else:
            self._end(connection, commit=True)
        connection.closed = outcome != "ok"
        if self._world.trace is not None:
            self._world.trace.database(process, Commit(), outcome)
        self._world.answer(process, NO_ROWS if outcome == "ok" else BROKEN)

    def _rollback(self, process: "Process", connection: Connection) -> None:
        if connection.depth > 1:
            connection.depth -= 1
            self._drop(connection)
            connection.changes, connection.held, connection.written = connection.marks.pop()
            connection.failed = False
            self._somebody_ended = True  # the savepoint's locks are free
        else:
            self._end(connection, commit=False)
        self._reply(process, Rollback(), NO_ROWS)

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
            self._end(connection, commit=statement.kind == "commit" and not connection.failed)
            self._reply(process, request, NO_ROWS)
        elif statement.kind == "begin":
            connection.depth = connection.depth or 1  # inside of a transaction it is only a warning
            self._reply(process, request, NO_ROWS)
        else:
            self._run(process, connection, statement, request)

    def _fail(self, process: "Process", connection: Connection, request: Request, failure: Failure) -> None:
        """The statement fails, and with it the transaction that it is in."""
        if connection.depth:
            connection.failed = True
        else:
            self._end(connection, commit=False)
        self._reply(process, request, failure)

    def _reply(self, process: "Process", request: Request, reply: Rows | Failure) -> None:
        if self._world.trace is not None:
            self._world.trace.database(process, request, "ok", reply)
        self._world.answer(process, reply)

    def crashed(self, process: "Process") -> None:
        """The connection is gone: what it had not committed is rolled back."""
        self._waiting = deque(waiting for waiting in self._waiting if waiting[0] is not process)
        connection = self._connections.pop(process.name, None)
        if connection is not None:
            self._end(connection, commit=False)
            self._let_next()

    # Statements

    def _run(self, process: "Process", connection: Connection, statement: Statement, request: Execute) -> None:
        try:
            rows = self._rows_of(connection, statement, request)
        except Blocked as blocked:
            self._wait(process, connection, statement, request, blocked.holders)
        except SchemaInTransaction:
            self._fail(process, connection, request, absent("change the schema outside of a transaction"))
        except ERRORS as error:
            refused, self.decoding.failure = self.decoding.failure, None
            self._fail(process, connection, request, refused or failure_of(error))
        else:
            if not connection.depth:
                self._end(connection, commit=True)
            self._reply(process, request, rows)

    def _rows_of(self, connection: Connection, statement: Statement, request: Execute) -> Rows:
        """What the statement gives. Raises Blocked, or what SQLite raises."""
        match statement.kind:
            case "schema":
                return self._change_schema(connection, statement, request)
            case "decode":
                self._put_aside(self._active)
                return self._decode(statement, request)
            case "read" if self._active is not connection and not connection.changes:
                self._put_aside(self._active)
                return self._plainly(statement, request)
            case "write" if self.decoding:
                self._activate(connection)
                return self._write(connection, statement, request)
            case "lock":
                self._activate(connection)
                return self._lock_rows(connection, statement, request)
            case _:
                self._activate(connection)
                return self._lastingly(connection, statement, request)

    def _lastingly(self, connection: Connection, statement: Statement, request: Execute) -> Rows:
        """Runs it in the connection's transaction, which locks the rows that it updates, if only to the same."""
        others = self._others(connection)
        rows = self._carefully(statement, request, others) if others else self._plainly(statement, request)
        if connection.depth:
            connection.held |= self._updated
        return rows

    def _plainly(self, statement: Statement, request: Execute) -> Rows:
        self._only_updates &= statement.kind != "write" or statement.updates
        if statement.updates and self._only_updates and self._known is None:
            self._known = self._tables.content()  # or who has looked before would decide what is a change
        self._updated = frozenset[Key]()
        if statement.updates and statement.rowids:
            found = self._tables.run(statement.rowids, request.parameters, writes=True).fetchall()
            self._updated = frozenset((statement.table, number) for (number,) in found)
            return Rows(len(found), None, ())
        before = self._tables.sqlite.total_changes
        cursor = self._tables.run(statement.sql, request.parameters, writes=statement.kind == "write")
        rows = self._tables.fetch(cursor)
        if cursor.description:
            return Rows(len(rows), tuple(column[0] for column in cursor.description), rows)
        changed = self._tables.sqlite.total_changes - before if statement.kind == "write" else -1
        return Rows(cursor.rowcount if cursor.rowcount >= 0 else changed, None, rows)

    def _write(self, connection: Connection, statement: Statement, request: Execute) -> Rows:
        """Notes what a statement changes, for the slots."""
        before = self._tables.content()
        rows = self._lastingly(connection, statement, request)
        for table, old, new in self._tables.changed_rows(before):
            columns = self._tables.declared(table)
            connection.written = self.decoding.write(connection.written, table, columns, old, new)
        return rows

    def _decode(self, statement: Statement, request: Execute) -> Rows:
        before = self.decoding.state()
        rows = self._plainly(statement, request)
        if before != self.decoding.state():
            self._world.changed()
        return rows

    def _carefully(self, statement: Statement, request: Execute, others: list[Connection]) -> Rows:
        """Runs it while others have locks, if it wants none of their rows."""
        wanted = self._wanted(statement, request, others)
        holders = tuple(other for other in others if other.blocks(wanted))
        if holders:
            raise Blocked(holders)
        return self._plainly(statement, request)

    def _wanted(self, statement: Statement, request: Execute, others: list[Connection]) -> Changes:
        """What the statement would change, found by trying: locks come before constraints.

        A key that somebody is deleting or changing is in no insert's way: it may be free when that has ended.
        """
        sqlite = self._tables.sqlite
        sqlite.execute("SAVEPOINT statement")
        try:
            with self._tables.without_foreign_keys():
                if statement.inserts:
                    self._tables.delete({row for other in others for row in other.changes.rows})
                before = self._tables.content()
                self._plainly(statement, request)
                wanted = self._tables.changes(before, self._tables.content())
                wanted.keys |= self._updated
                return wanted
        except ERRORS:
            return Changes()
        finally:
            sqlite.execute("ROLLBACK TO statement")
            sqlite.execute("RELEASE statement")

    def _lock_rows(self, connection: Connection, statement: Statement, request: Execute) -> Rows:
        """SELECT … FOR UPDATE: locks what it finds, or waits, fails or looks away where others have locks."""
        others = self._others(connection)
        content = self._tables.rows(statement.table)
        keys = {
            number: frozenset(self._tables.keys(statement.table, number, row)) for number, row in content.items()
        }
        rowids = statement.rowids
        if statement.if_locked == "skip":
            skipped = ",".join(str(number) for number, mine in keys.items() if _holders(others, mine))
            statement = replace(statement, sql=statement.sql.replace(SKIPPED, skipped))
            rowids = rowids.replace(SKIPPED, skipped)
        rows = self._plainly(statement, request)
        found = [number for (number,) in self._tables.run(rowids, request.parameters)]
        wanted = frozenset[Key]().union(*(keys[number] for number in found))
        holders = _holders(others, wanted)
        if holders:
            raise Blocked(holders)
        connection.held |= wanted
        return rows

    def _change_schema(self, connection: Connection, statement: Statement, request: Execute) -> Rows:
        if connection.depth:
            raise SchemaInTransaction
        self._put_aside(self._active)
        others = self._others(connection)
        if others and not statement.adds:
            raise Blocked(tuple(others))
        rows = self._plainly(statement, request)
        if self._tables.schema_changed():
            self._touched()
        return rows

    # Transactions

    def _activate(self, connection: Connection) -> None:
        """Makes the connection's transaction the one that is open in SQLite."""
        if self._active is not connection:
            self._put_aside(self._active)
            self._tables.begin(connection.changes)
            self._active = connection
            self._only_updates = not connection.changes

    def _put_aside(self, connection: Connection | None) -> None:
        """Takes an open transaction out of SQLite, as changes that can be made again."""
        if connection is None or connection is not self._active:
            return
        content = None if self._tables.untouched else self._tables.content()
        self._tables.rollback()
        self._active = None
        if content is not None:
            connection.changes = self._tables.changes(self._committed(), content)

    def _drop(self, connection: Connection) -> None:
        if self._active is connection:
            self._tables.rollback()
            self._active = None

    def _end(self, connection: Connection, commit: bool) -> None:
        """Ends the outermost transaction; its locks are free."""
        written, connection.written = connection.written, ()
        if commit and connection.changes:
            self._activate(connection)
        if commit and self._active is connection:
            changed = connection.changes or self._tables.changed
            self._tables.commit()
            self._active = None
            if changed:
                self._touched()
        if commit and written:
            self.decoding.commit(written)
            self._world.changed()
        self._drop(connection)
        connection.depth = 0
        connection.failed = False
        connection.changes = Changes()
        connection.held = frozenset()
        connection.marks = []
        self._somebody_ended = True

    # Locks

    def _others(self, connection: Connection) -> list[Connection]:
        """Those who have locks. (They are put aside, so that their locks are known.)"""
        return [other for other in self._connections.values() if other is not connection and other.locks]

    def _wait(
        self,
        process: "Process",
        connection: Connection,
        statement: Statement,
        request: Execute,
        holders: tuple[Connection, ...],
    ) -> None:
        self._put_aside(connection)
        if statement.if_locked == "nowait":
            self._fail(process, connection, request, LOCKED)
            return
        if any(connection in _waits_behind(holder) for holder in holders):
            self._fail(process, connection, request, DEADLOCK)
            return
        if not connection.waits_for:
            assert process.heard is not None
            ticket = len(process.heard)
            self._world.after(LOCK_TIMEOUT_MS, Database.lock_timeout, self, *process.here, ticket)
            if self._world.trace is not None:
                self._world.trace.locked(process, request)
        connection.waits_for = holders
        self._waiting.append((process, request))

    def _let_next(self) -> None:
        """Lets all that wait try again, whenever somebody's locks were freed."""
        while self._somebody_ended:
            self._somebody_ended = False
            waiting, self._waiting = self._waiting, deque()
            for process, request in waiting:
                connection = self._connections[process.name]
                self._execute(process, connection, request, "ok")
                if (process, request) not in self._waiting:
                    connection.waits_for = ()
            if not self._waiting:
                return

    def lock_timeout(self, name: str, life: int, ticket: int) -> None:
        """A statement has waited too long for a lock, if it still waits."""
        for process, request in list(self._waiting):
            if process.here == (name, life) and len(process.heard or ()) == ticket:
                self._waiting.remove((process, request))
                self._connections[name].waits_for = ()
                self._fail(process, self._connections[name], request, NO_LOCK)
                self._let_next()

    # What lasts

    def _touched(self) -> None:
        """Something is committed. Who has only updated rows to what they were has changed nothing."""
        before, self._known = self._known, None
        if not self._only_updates or before != self._committed():
            self._world.changed()

    def _committed(self) -> Content:
        self._put_aside(self._active)
        if self._known is None:
            self._known = self._tables.content()
        return self._known

    def query(self, sql: str, *parameters: Plain) -> list[tuple[Plain, ...]]:
        """The rows of a SELECT on what is committed, for checks."""
        self._put_aside(self._active)
        self._tables.rest()
        return self._tables.sqlite.execute(with_slots(sql), parameters).fetchall()

    def table_names(self) -> tuple[str, ...]:
        """The tables of the scenario and those that processes have created."""
        return self._tables.names()

    def rows(self, table: str) -> tuple[list[str], list[tuple[Plain, ...]]]:
        """Columns and committed rows of a table."""
        return self._tables.columns(table), list(self._committed()[table].values())

    def state(self) -> object:
        """The schema, all that is committed, the numbers that were given out, what is open, and who waits."""
        content = tuple((name, tuple(rows.values())) for name, rows in self._committed().items())
        transactions = tuple(
            (name, connection.state) for name, connection in sorted(self._connections.items()) if connection.depth
        )
        waiting = tuple((process.name, request) for process, request in self._waiting)
        lasting = self._tables.schema, content, self._tables.sequences, self.decoding.state()
        return *lasting, transactions, waiting


class SchemaInTransaction(Exception):
    """Here the schema is changed outside of transactions only."""


def _holders(others: list[Connection], keys: frozenset[Key]) -> tuple[Connection, ...]:
    """Who has a lock on one of these keys."""
    wanted = Changes(keys=keys, gone=keys)  # whoever refers to a row lets nobody lock it
    return tuple(other for other in others if other.blocks(wanted))


def _waits_behind(connection: Connection) -> set[Connection]:
    """The connection, and all that it waits for, and so on."""
    found: set[Connection] = set()
    todo = [connection]
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += one.waits_for
    return found
