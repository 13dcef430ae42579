"""Tables: one SQLite database, in which one transaction at a time is really open, and the others are put aside.

Rules
- What is committed is in SQLite. A transaction that is put aside is a set of row changes (`Changes`), which are
  made again when it goes on; SQLite's lock on the whole database is thereby nobody's. Foreign keys are not looked
  at again: locks see to it that they still hold.
- Sequences are of no transaction: a number that was given out is not given out again, whether its transaction
  commits or not (PostgreSQL: "nextval is never rolled back").
- A statement sees nothing but the tables. SQLite's clock, chance, files, settings and temporary tables are
  refused, since a run has to be the same every time and a crash has to take all memory. A statement that works
  for too long is cancelled; tables, results, values and statements have a largest size.
"""

import sqlite3
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from unreliable.requests import Plain

type Row = tuple[Plain, ...]
type Key = tuple[object, ...]
type Content = dict[str, dict[int, Row]]  # rows by table and SQLite's number of the row

ROUND = 1_000  # instructions of SQLite's virtual machine
MOST_ROUNDS = 10_000
MOST_WORK_S = 5  # of one statement: an instruction may be a search in a long text
PAGE_BYTES = 1024
MOST_PAGES = 256  # of all tables and indexes
MOST_HEAP_BYTES = 64 * 1024 * 1024  # of all databases of this interpreter, and of statements at work
MOST_RESULT_BYTES = 256 * 1024
MOST_OF = {
    sqlite3.SQLITE_LIMIT_LENGTH: 128 * 1024,  # bytes of a value or a row
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 64 * 1024,
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 200,
}
SEQUENCES = "sqlite_sequence"


@dataclass
class Changes:
    """What a transaction has done: rows by table and number; None for a deleted one. New rows are apart.

    `keys` are those of the rows that it touched, `gone` those of them that are no more, and `refers` those of the
    rows that its own refer to.
    """

    rows: dict[tuple[str, int], Row | None] = field(default_factory=dict[tuple[str, int], Row | None])
    new: list[tuple[str, int, Row]] = field(default_factory=list[tuple[str, int, Row]])
    keys: frozenset[Key] = frozenset()
    gone: frozenset[Key] = frozenset()
    refers: frozenset[Key] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.rows or self.new)

    @property
    def state(self) -> object:
        """The changes, comparable with those of other runs."""
        return tuple(self.rows.items()), tuple(self.new)


@dataclass(frozen=True)
class Table:
    """A table's columns, the sets of them that are unique, and its foreign keys.

    A foreign key is the other table, the columns there, and those here that have to be equal.
    """

    columns: tuple[str, ...]
    unique: tuple[tuple[int, ...], ...]
    foreign: tuple[tuple[str, tuple[int, ...], tuple[int, ...]], ...] = ()


@dataclass(frozen=True)
class Column:
    """A column as its table was declared with it."""

    name: str
    type: str
    in_key: bool


class Tables:
    """The tables of a scenario. `reset` brings them back to what the scenario says.

    `functions` are those that statements may call beside SQLite's own.
    """

    def __init__(self, script: str, functions: Mapping[str, Callable[..., Any]] = MappingProxyType({})) -> None:
        self._script = script
        self._functions = functions
        self._rounds = 0
        self._busy_since: float | None = None
        self._create()

    def _create(self) -> None:
        self.sqlite = sqlite3.connect(":memory:", isolation_level=None, cached_statements=256)
        self._bound()
        self.sqlite.executescript(self._script)
        self._initial_version = self._version = self._schema_version()
        self._learn()
        self._initial = self.content()
        self._initial_sequences = self._read_sequences()
        self._sequences = dict(self._initial_sequences)
        self._written_sequences: dict[str, int] | None = dict(self._initial_sequences)  # None: nobody knows
        self._begin_to_look()
        for name in _IMPURE:
            self.sqlite.create_function(name, -1, _refuse)
        for name, function in self._functions.items():
            self.sqlite.create_function(name, -1, function)
        self.sqlite.execute("PRAGMA foreign_keys = ON")
        self.sqlite.setconfig(sqlite3.SQLITE_DBCONFIG_DQS_DML, False)  # "alice" is a column, as in PostgreSQL
        self.sqlite.set_progress_handler(self._worked, ROUND)
        self.sqlite.set_authorizer(_authorize)

    def _bound(self) -> None:
        """A program may say anything to the database: how much that can be."""
        self.sqlite.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        self.sqlite.execute(f"PRAGMA max_page_count = {MOST_PAGES}")
        self.sqlite.execute(f"PRAGMA hard_heap_limit = {MOST_HEAP_BYTES}")
        self.sqlite.execute("PRAGMA temp_store = MEMORY")  # what is sorted never goes to a disk
        for limit, most in MOST_OF.items():
            self.sqlite.setlimit(limit, most)

    def close(self) -> None:
        self.sqlite.close()

    def reset(self) -> None:
        """The tables and rows as the scenario defines them."""
        self.rest()
        if self.sqlite.in_transaction:
            self.sqlite.execute("ROLLBACK")
        if self._version != self._initial_version:
            self.close()
            self._create()
            return
        now = self.content()
        if now != self._initial or self._sequences != self._initial_sequences:
            self.sqlite.execute("BEGIN")
            self._apply(_difference(now, self._initial), numbered=True)
            self._sequences = dict(self._initial_sequences)
            self._write_sequences()
            self.sqlite.execute("COMMIT")
            self._written_sequences = dict(self._sequences)

    # Reading

    def names(self) -> tuple[str, ...]:
        return tuple(self._tables)

    def columns(self, table: str) -> list[str]:
        return list(self._tables[table].columns)

    def declared(self, table: str) -> list[Column]:
        """The columns with their types, which SQLite itself does not look at."""
        return [Column(row[1], row[2].lower(), bool(row[5])) for row in self._pragma("table_info", table)]

    def content(self) -> Content:
        """All rows that SQLite has now: of the open transaction, or what is committed."""
        self.rest()
        return {name: self._rows(sql) for name, sql in self._read.items()}

    def rows(self, table: str) -> dict[int, Row]:
        """The rows of one table that SQLite has now; none of a table that is not there."""
        self.rest()
        return self._rows(self._read[table]) if table in self._read else {}

    def _rows(self, sql: str) -> dict[int, Row]:
        return {row[0]: row[1:] for row in self.sqlite.execute(sql)}

    @property
    def sequences(self) -> tuple[tuple[str, int], ...]:
        return tuple(sorted(self._sequences.items()))

    # Transactions

    def begin(self, changes: Changes) -> None:
        """Opens a transaction in SQLite in which these changes are made already."""
        self.rest()
        self.sqlite.execute("BEGIN")
        if self._sequences != self._written_sequences:
            self._write_sequences()
        self._apply(changes)
        self._begin_to_look()

    def _begin_to_look(self) -> None:
        self._has_run_writes = False
        self._changes_before = self.sqlite.total_changes

    @property
    def untouched(self) -> bool:
        """Whether nothing was written, or numbered in vain, since the transaction was opened."""
        return not self._has_run_writes and not self.changed

    @property
    def changed(self) -> bool:
        """Whether rows were written since then, if only to the same."""
        return self.sqlite.total_changes != self._changes_before

    def commit(self) -> None:
        self.rest()
        self._keep_sequences()
        self.sqlite.execute("COMMIT")
        self._written_sequences = dict(self._sequences)

    def rollback(self) -> None:
        self.rest()
        if self.sqlite.in_transaction:  # SQLite itself rolls back when it is full, or a change is cancelled
            self._keep_sequences()
            self.sqlite.execute("ROLLBACK")

    def changes(self, before: Content, after: Content) -> Changes:
        """What was done between two contents, with the keys that it concerns."""
        made = _difference(before, after)
        keys, gone, refers = set[Key](), set[Key](), set[Key]()
        for (table, number), row in made.rows.items():
            old = set(self.keys(table, number, before[table][number]))
            now = set[Key]() if row is None else set(self.keys(table, number, row))
            keys |= old | now
            gone |= old - now
            if row is not None:
                refers |= self._referred(table, row) - self._referred(table, before[table][number])
        for table, _, row in made.new:
            keys |= set(self.keys(table, None, row))
            refers |= self._referred(table, row)
        made.keys, made.gone, made.refers = frozenset(keys), frozenset(gone), frozenset(refers)
        return made

    def changed_rows(self, before: Content) -> Iterator[tuple[str, Row | None, Row | None]]:
        """What was done since, as (table, row before, row now); None is a row that is not there."""
        made = _difference(before, self.content())
        for (table, number), row in made.rows.items():
            yield table, before[table][number], row
        for table, _, row in made.new:
            yield table, None, row

    def keys(self, table: str, number: int | None, row: Row) -> Iterator[Key]:
        """What identifies a row to other transactions: its number, unless it is new, and its unique values."""
        if number is not None:
            yield (table, number)
        for columns in self._tables[table].unique:
            yield from _key(table, columns, row, columns)

    def _referred(self, table: str, row: Row) -> set[Key]:
        """The keys of the rows that this row refers to."""
        foreign = self._tables[table].foreign
        return {key for other, there, here in foreign for key in _key(other, there, row, here)}

    def _apply(self, changes: Changes, numbered: bool = False) -> None:
        """Makes changes that were right when they were made. New rows get new numbers, unless `numbered`."""
        if not changes:
            return
        with self.without_foreign_keys():
            self.delete(changes.rows)
            for (table, number), row in changes.rows.items():
                if row is not None:
                    self._insert(table, number, row)
            for table, number, row in changes.new:
                self._insert(table, number if numbered else None, row)

    def delete(self, rows: Iterable[tuple[str, int]]) -> None:
        """Takes away rows, by table and number."""
        for table, number in rows:
            self.sqlite.execute(f"DELETE FROM {_quoted(table)} WHERE _rowid_ = ?", (number,))

    def _insert(self, table: str, number: int | None, row: Row) -> None:
        columns = ", ".join(("_rowid_", *map(_quoted, self._tables[table].columns)))
        places = ", ".join("?" * (1 + len(row)))
        self.sqlite.execute(f"INSERT INTO {_quoted(table)} ({columns}) VALUES ({places})", (number, *row))

    @contextmanager
    def without_foreign_keys(self) -> Generator[None]:
        """Lets rows come and go, although others refer to them."""
        foreign = any(table.foreign for table in self._tables.values())  # SQLite prepares all statements anew
        if foreign:
            self.sqlite.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_FKEY, False)
        try:
            yield
        finally:
            if foreign:
                self.sqlite.setconfig(sqlite3.SQLITE_DBCONFIG_ENABLE_FKEY, True)

    # Sequences

    def _read_sequences(self) -> dict[str, int]:
        if not self._has_sequences:
            return {}
        return dict(self.sqlite.execute(f"SELECT name, seq FROM {SEQUENCES}").fetchall())

    def _keep_sequences(self) -> None:
        """Notes the numbers that were given out, since SQLite would take them back."""
        if self.untouched:
            return
        for name, number in self._read_sequences().items():
            self._sequences[name] = max(number, self._sequences.get(name, 0))

    def _write_sequences(self) -> None:
        if self._has_sequences:
            self.sqlite.execute(f"DELETE FROM {SEQUENCES}")
            self.sqlite.executemany(f"INSERT INTO {SEQUENCES} VALUES (?, ?)", self._sequences.items())

    # The schema

    def schema_changed(self) -> bool:
        """Whether a statement really changed the schema (`IF NOT EXISTS` may not); the tables are learnt anew."""
        before, self._version = self._version, self._schema_version()
        if before != self._version:
            self._learn()
            self._written_sequences = None
        return before != self._version

    def _schema_version(self) -> int:
        return self.sqlite.execute("PRAGMA schema_version").fetchone()[0]

    def _learn(self) -> None:
        self.schema = tuple(self.sqlite.execute("SELECT type, name, sql FROM sqlite_master").fetchall())
        names = [name for kind, name, _ in self.schema if kind == "table"]
        self._has_sequences = SEQUENCES in names
        self._tables = {name: self._table(name) for name in names if not name.startswith("sqlite_")}
        for name, table in self._tables.items():
            self._tables[name] = replace(table, foreign=tuple(self._foreign(name)))
        self._read = {
            name: f"SELECT _rowid_, {', '.join(map(_quoted, table.columns))} FROM {_quoted(name)} ORDER BY _rowid_"
            for name, table in self._tables.items()
        }

    def _table(self, name: str) -> Table:
        columns = self._pragma("table_info", name)
        names = tuple(column[1] for column in columns)
        key = tuple(column[0] for column in columns if column[5])
        unique = {key} if key else set[tuple[int, ...]]()
        for _, index, is_unique, *_ in self._pragma("index_list", name):
            if is_unique:
                unique.add(tuple(sorted(column for _, column, _ in self._pragma("index_info", index))))
        return Table(names, tuple(sorted(unique)))

    def _foreign(self, name: str) -> Iterator[tuple[str, tuple[int, ...], tuple[int, ...]]]:
        """The foreign keys of a table, their columns in the order of the other table's."""
        names = {known.lower(): known for known in self._tables}
        found = self._pragma("foreign_key_list", name)
        for key in sorted({row[0] for row in found}):
            rows = [row for row in found if row[0] == key]
            other = names.get(rows[0][2].lower())
            if other is None:
                continue
            there = self._columns(other, [row[4] for row in rows])
            here = self._columns(name, [row[3] for row in rows])
            pairs = sorted(zip(there, here, strict=False))
            yield other, tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)

    def _columns(self, table: str, names: list[str | None]) -> list[int]:
        """The places of these columns; those of the primary key, if a foreign key names none."""
        known = [column.lower() for column in self._tables[table].columns]
        if None in names:
            return [column[0] for column in sorted(self._pragma("table_info", table), key=_place) if column[5]]
        return [known.index(name.lower()) for name in names if name is not None]

    def _pragma(self, pragma: str, name: str) -> list[tuple[Any, ...]]:
        self.rest()
        return self.sqlite.execute(f"PRAGMA {pragma}({_quoted(name)})").fetchall()

    def run(self, sql: str, parameters: tuple[Plain, ...], writes: bool = False) -> sqlite3.Cursor:
        """Runs a learner's statement; raises what SQLite raises."""
        self._has_run_writes |= writes
        self._rounds = 0
        self.rest()
        return self.sqlite.execute(sql, parameters)

    def fetch(self, cursor: sqlite3.Cursor) -> tuple[Row, ...]:
        """All rows of a learner's statement; raises sqlite3.DataError if they are too many."""
        rows: list[Row] = []
        size = 0
        for row in cursor:
            rows.append(row)
            size += len(row) * 8 + sum(len(cell) for cell in row if isinstance(cell, str | bytes))
            if size > MOST_RESULT_BYTES:
                cursor.close()
                raise sqlite3.DataError("the result is too large for this database")
        return tuple(rows)

    def _worked(self) -> bool:
        """Called by SQLite after each round of work; whether that was too much for one statement."""
        now = time.monotonic()
        self._busy_since = self._busy_since or now
        self._rounds += 1
        return self._rounds > MOST_ROUNDS or now - self._busy_since > MOST_WORK_S

    def rest(self) -> None:
        """What comes now is another statement, whose work is counted from its beginning."""
        self._busy_since = None


def _difference(before: Content, after: Content) -> Changes:
    """What was done between two contents of the same tables."""
    changes = Changes()
    for table, rows in after.items():
        known = before.get(table, {})
        if rows == known:
            continue
        changes.rows |= {
            (table, number): rows.get(number) for number in known if rows.get(number) != known[number]
        }
        changes.new += [(table, number, row) for number, row in rows.items() if number not in known]
    return changes


def _key(table: str, columns: tuple[int, ...], row: Row, where: tuple[int, ...]) -> Iterator[Key]:
    """The key with these columns that a row has, or refers to by its own columns; none if one is NULL."""
    values = tuple(row[column] for column in where)
    if None not in values:
        yield (table, columns, values)


def _place(column: tuple[Any, ...]) -> int:
    """Which part of the primary key a column is."""
    return column[5]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


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


_OURS = frozenset({"schema_version", "table_info", "index_list", "index_info", "foreign_key_list"})


def _authorize(action: int, name: str | None, *_: str | None) -> int:
    """Asked when a statement is prepared. No statement of a learner's starts with PRAGMA: `sql` sees to that."""
    if action == sqlite3.SQLITE_PRAGMA and name in _OURS:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY if action in _DENIED else sqlite3.SQLITE_OK


def _refuse(*_: object) -> None:
    raise ValueError
