"""From PostgreSQL's language to SQLite's, and back from SQLite's errors to PostgreSQL's.

Rules
- `%s` becomes `?`, `%%` becomes `%`.
- The first word tells what a statement is; `FOR UPDATE` at its end makes a SELECT lock what it finds.
- What PostgreSQL knows and SQLite does not is refused as FeatureNotSupported, not called a syntax error.
"""

import re
import sqlite3
from dataclasses import dataclass
from functools import lru_cache

from unreliable.requests import Failure


@dataclass(frozen=True)
class Statement:
    """A statement as SQLite takes it.

    `kind`: read, decode, lock, write, schema, begin, commit, rollback, or absent, with the reason as `absent`. A
    `lock` has the statement that finds the rows' numbers (`rowids` of `table`), and says what to do `if_locked`;
    to skip a row, its number is put in the place of SKIPPED. An update has one that gives the numbers as well.
    `adds` tells whether a change of the schema leaves all that is there alone.
    """

    kind: str
    sql: str
    absent: Failure | None = None
    table: str = ""
    rowids: str = ""
    if_locked: str = "wait"  # wait, nowait, skip
    adds: bool = False
    inserts: bool = False
    updates: bool = False


def absent(reason: str) -> Failure:
    """What is not modelled, as the database says it."""
    return Failure("FeatureNotSupported", (reason,))


_KINDS = {
    **{"SELECT": "read", "VALUES": "read", "BEGIN": "begin", "START": "begin"},
    **{"COMMIT": "commit", "END": "commit", "ROLLBACK": "rollback", "ABORT": "rollback"},
    **{"CREATE": "schema", "DROP": "schema", "ALTER": "schema"},
    **{"INSERT": "write", "UPDATE": "write", "DELETE": "write", "WITH": "read"},
}
_SAVEPOINTS = "nest `async with db.transaction()` instead"
_SETTINGS = "settings are not modelled; the isolation level is READ COMMITTED"
_PREPARED = "PREPARE is not modelled; give `db.execute` the statement and its parameters"
_PROCEDURES = "procedures are not modelled; execute their statements one by one"
_NOTIFICATIONS = "notifications are not modelled; poll a table instead"
_CURSORS = "cursors in SQL are not modelled; use the one that `db.execute` gives"
_CARE = "the tables need no care here; leave it out"
_RIGHTS = "there is one user, who may do everything; leave it out"
# Statements of PostgreSQL's, by their first word.
_ABSENT_STATEMENTS = {
    **{"SAVEPOINT": _SAVEPOINTS, "RELEASE": _SAVEPOINTS},
    **{"SET": _SETTINGS, "SHOW": _SETTINGS, "RESET": _SETTINGS, "DISCARD": _SETTINGS},
    **{"PREPARE": _PREPARED, "EXECUTE": _PREPARED, "DEALLOCATE": _PREPARED},
    **{"DO": _PROCEDURES, "CALL": _PROCEDURES},
    **{"LISTEN": _NOTIFICATIONS, "NOTIFY": _NOTIFICATIONS, "UNLISTEN": _NOTIFICATIONS},
    **{"DECLARE": _CURSORS, "FETCH": _CURSORS, "MOVE": _CURSORS, "CLOSE": _CURSORS},
    **{"VACUUM": _CARE, "ANALYZE": _CARE, "REINDEX": _CARE, "CLUSTER": _CARE, "CHECKPOINT": _CARE},
    **{"GRANT": _RIGHTS, "REVOKE": _RIGHTS, "REASSIGN": _RIGHTS, "SECURITY": _RIGHTS},
    "LOCK": "LOCK TABLE is not modelled; rows are locked by writing them or by FOR UPDATE",
    "TRUNCATE": "TRUNCATE is not modelled; use DELETE FROM without a WHERE",
    "MERGE": "MERGE is not modelled; use INSERT … ON CONFLICT (…) DO UPDATE",
    "COPY": "COPY is not modelled; use INSERT and SELECT",
    "TABLE": "write SELECT * FROM …",
    "EXPLAIN": "there are no plans to show; execute the statement itself",
    "COMMENT": "comments on tables are not modelled; write them with --",
    "REFRESH": "materialized views are not modelled; use a view",
    "IMPORT": "there are no other servers; create the tables here",
    "LOAD": "the database cannot be extended",
}
# Possessive where they can be: a statement may be long, and mostly white, or comments.
_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*+(\w*+)", re.S)
_LOCKING = re.compile(
    r"(?<!\s)\s++FOR\s++(?:NO\s++KEY\s++)?UPDATE(?:\s++OF\s++\w++)?(?:\s++(NOWAIT|SKIP\s++LOCKED))?\s*+;?\s*+$",
    re.I,
)
_FROM_ONE_TABLE = re.compile(
    r"^\s*+SELECT\s++(?!DISTINCT\b).*?\sFROM\s++(\w++)(?!\s*+[,(]|\s++(?:\w++\s++)?JOIN\b)", re.I | re.S
)
_UPDATES = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*+UPDATE\s++(?:ONLY\s++)?\"?(\w++)", re.I | re.S)
_ADDS = re.compile(r"^\s*CREATE\s+(TABLE|VIEW)\b", re.I)
_ABSENT = (
    (r"^\s*ROLLBACK\s+(WORK\s+|TRANSACTION\s+)?TO\b", _SAVEPOINTS),
    (
        r"^\s*(BEGIN|START)\b.*\b(SERIALIZABLE|REPEATABLE|UNCOMMITTED|ONLY)\b",
        "the isolation level is READ COMMITTED; others are not modelled",
    ),
    (r"\bFOR\s+(KEY\s+)?SHARE\b", "shared locks are not modelled; use FOR UPDATE"),
    (r"^\s*CREATE\b.*\bTRIGGER\b", "triggers are not modelled; write the second statement yourself"),
    (r"^\s*(CREATE|ALTER)\b.*\bWITHOUT\s+ROWID\b", "PostgreSQL has no WITHOUT ROWID"),
    (r"^\s*(CREATE|ALTER)\b.*\bDEFERR(ABLE|ED)\b", "constraints are looked at when a statement ends, not later"),
    (
        r"^\s*(CREATE|ALTER)\b.*(\b(BIG|SMALL)?SERIAL\b|\bAS\s+IDENTITY\b)",
        "numbers are given out here by INTEGER PRIMARY KEY AUTOINCREMENT",
    ),
    (r"^\s*WITH\b.*\b(INSERT|UPDATE|DELETE)\b", "changes inside of WITH are not modelled; use two statements"),
    (r"\bpg_(try_)?advisory\w*\s*\(", "advisory locks are not modelled; lock a row instead"),
    (r"[\w)'\"]\s*::\s*\w", "casts by :: are not modelled; write CAST(… AS …)"),
    (r"\bON\s+CONFLICT\s+ON\s+CONSTRAINT\b", "name the columns: ON CONFLICT (…)"),
    (r"\bDISTINCT\s+ON\s*\(", "DISTINCT ON is not modelled; use GROUP BY, or row_number() OVER (PARTITION BY …)"),
    (r"\bINTERVAL\s*'\s*[-+]?\d", "intervals are not modelled; pass times and durations as numbers"),
    (
        r"^\s*SELECT\s+pg_logical_slot_(peek|get)_changes\s*\(",
        "write SELECT lsn, data FROM pg_logical_slot_peek_changes(…)",
    ),
    (r"\b(ANY|ALL)\s*\(\s*%s", "of ANY and ALL with a list only = ANY(%s) and <> ALL(%s) are modelled"),
)

_ONLY_SQLITE = (
    (r"^\s*(INSERT|UPDATE)\s+OR\b", Failure("SyntaxError", ('syntax error at or near "OR"',))),
    (r"\bsqlite_\w", Failure("UndefinedTable", ("relations of that name do not exist",))),
    (r"\b(_rowid_|rowid)\b", Failure("UndefinedColumn", ('column "rowid" does not exist',))),
)


# An array comes as the text of a JSON list.
_ANY = re.compile(r"=\s*ANY\s*\(\s*%s\s*\)", re.I)
_ALL = re.compile(r"(?:<>|!=)\s*ALL\s*\(\s*%s\s*\)", re.I)
_ARRAY = "(SELECT value FROM json_each(%s))"
# A position in the log comes and goes as text.
_AS_POSITION = re.compile(r"\s*::\s*pg_lsn\b|\bCAST\s*\(\s*([^()]+?)\s+AS\s+pg_lsn\s*\)", re.I)


@lru_cache(maxsize=1024)
def translate(sql: str) -> Statement:
    """The statement that SQLite is given for one of PostgreSQL's."""
    sql = _ALL.sub(f"NOT IN {_ARRAY}", _ANY.sub(f"IN {_ARRAY}", sql))
    sql = _AS_POSITION.sub(lambda cast: cast[1] or "", sql)
    first = _FIRST_WORD.match(sql)
    assert first is not None
    sql, word = sql[first.start(1) :], first[1].upper()  # what follows looks behind no comment
    refused = _refused(sql, word)
    if refused is not None:
        return Statement("absent", sql, refused)
    locking = _LOCKING.search(sql)
    if locking:
        return _locking(sql[: locking.start()], (locking[1] or "wait").split()[0].lower())
    kind = "decode" if word == "SELECT" and _OF_SLOTS.search(sql) else _KINDS[word]
    sql = _placeholders(with_slots(sql))
    updates = _UPDATES.match(sql)
    if updates and not re.search(r"\bRETURNING\b", sql, re.I):
        rowids = sql.rstrip().removesuffix(";") + "\nRETURNING _rowid_"
        return Statement(kind, sql, None, updates[1], rowids, updates=True)
    return Statement(kind, sql, adds=bool(_ADDS.match(sql)), inserts=word == "INSERT", updates=bool(updates))


def _refused(sql: str, word: str) -> Failure | None:
    """Why the statement, whose first word this is, is no business of SQLite's."""
    for pattern, reason in _ABSENT:
        if re.search(pattern, sql, re.I | re.S):
            return absent(reason)
    for pattern, failure in _ONLY_SQLITE:
        if re.search(pattern, sql, re.I | re.S):
            return failure
    if word in _ABSENT_STATEMENTS:
        return absent(_ABSENT_STATEMENTS[word])
    if word not in _KINDS:
        return Failure("SyntaxError", (f'syntax error at or near "{word or sql[:20]}"',))
    return None


SKIPPED = "/* skipped */"
_NO_ALIAS = re.compile(r"\s*(WHERE\b|ORDER\b|LIMIT\b|OFFSET\b|FETCH\b|;|$)", re.I)


def _locking(sql: str, if_locked: str) -> Statement:
    found = _FROM_ONE_TABLE.match(sql)
    if found is None:
        return Statement("absent", sql, absent("FOR UPDATE is modelled for a SELECT from one table only"))
    table, rest = found[1], sql[found.end() :]
    rowids = f"SELECT _rowid_ FROM {table}{rest}"
    if if_locked == "skip":  # what is locked is skipped where rows are found; subqueries see it
        name = f" AS {table}" if _NO_ALIAS.match(rest) else ""
        rest = f"FROM {table} WHERE _rowid_ NOT IN ({SKIPPED})){name}{rest}"
        sql = f"{sql[: found.start(1)]}(SELECT * {rest}"
        rowids = f"SELECT _rowid_ FROM (SELECT _rowid_ AS _rowid_, * {rest}"
    return Statement("lock", _placeholders(sql), None, table, _placeholders(rowids), if_locked)


_OF_SLOTS = re.compile(r"\b(pg_logical_slot_\w+_changes|pg_replication_slot_advance)\s*\(", re.I)
_FROM_SLOTS = re.compile(
    r"\bFROM\s+(pg_logical_slot_(?:peek|get)_changes|pg_replication_slot_advance)\s*(\((?:[^()]|\(\))*\))", re.I
)


def with_slots(sql: str) -> str:
    """The functions that give rows of slots (`decoding.py`), in a way in which SQLite gives rows."""
    return _FROM_SLOTS.sub(_from_json, sql) if _OF_SLOTS.search(sql) else sql


def _from_json(call: re.Match[str]) -> str:
    name = call[1].lower()
    columns = ("slot_name", "end_lsn") if name.endswith("advance") else ("lsn", "xid", "data")
    cells = ", ".join(f"json_extract(value, '$[{place}]') AS {column}" for place, column in enumerate(columns))
    return f"FROM (SELECT {cells} FROM json_each({name}_rows{call[2]}))"


def _placeholders(sql: str) -> str:
    return re.sub(r"%[s%]", lambda match: "?" if match[0] == "%s" else "%", sql)


_CONSTRAINTS = {
    "SQLITE_CONSTRAINT_UNIQUE": "UniqueViolation",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "UniqueViolation",
    "SQLITE_CONSTRAINT_ROWID": "UniqueViolation",
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
_IMPURE = "the database has no clock and no chance here: pass times, ids and random numbers as parameters"


def failure_of(error: Exception) -> Failure:
    """What PostgreSQL and psycopg call this error of SQLite or of its Python module."""
    text = str(error)
    if isinstance(error, MemoryError):
        return Failure("OperationalError", ("out of memory",))
    if isinstance(error, OverflowError):
        return Failure("NumericValueOutOfRange", ("integer out of range",))
    if isinstance(error, UnicodeError):
        return Failure("DataError", (text.encode("ascii", "backslashreplace").decode(),))
    if text == _REFUSED:
        return absent(_IMPURE)
    unknown = text.partition("no such function: ")[2]
    if unknown:
        text = f"{unknown}() is not there: PostgreSQL may have it, this course's database has SQLite's functions"
    name = _CONSTRAINTS.get(getattr(error, "sqlite_errorname", ""))
    found = (kind for part, kind in _MESSAGES.items() if part in str(error))
    return Failure(name or next(found, "ProgrammingError"), (text,))


ERRORS = (sqlite3.Error, OverflowError, UnicodeError, MemoryError)
