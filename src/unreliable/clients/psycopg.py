"""psycopg 3's `AsyncConnection`, its cursor, its transactions and its exceptions.

Names, arguments and behaviour: https://www.psycopg.org/psycopg3/docs/api/
The connection is in autocommit mode, psycopg's advice for use with `transaction()`: a statement outside of a
transaction block is a transaction of its own.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from unreliable import requests
from unreliable.requests import Execute, Failure, Plain, Request, Rows

type Parameters = Sequence[Any] | Mapping[str, Any]


class Error(Exception):
    """Base of all errors of the database. `sqlstate` is PostgreSQL's code."""

    sqlstate: str | None = None


class DatabaseError(Error): ...


class InterfaceError(Error): ...


class OperationalError(DatabaseError):
    """The database could not do it now: lost connection, timeout, lock. The statement itself may be right."""


class IntegrityError(DatabaseError):
    """A constraint forbids it."""


class ProgrammingError(DatabaseError):
    """The statement is wrong."""


class InternalError(DatabaseError): ...


class DataError(DatabaseError): ...


class NotSupportedError(DatabaseError): ...


class UniqueViolation(IntegrityError):
    sqlstate = "23505"


class ForeignKeyViolation(IntegrityError):
    sqlstate = "23503"


class NotNullViolation(IntegrityError):
    sqlstate = "23502"


class CheckViolation(IntegrityError):
    sqlstate = "23514"


class QueryCanceled(OperationalError):
    sqlstate = "57014"


class LockNotAvailable(OperationalError):
    sqlstate = "55P03"


class InFailedSqlTransaction(InternalError):
    sqlstate = "25P02"


class UndefinedTable(ProgrammingError):
    sqlstate = "42P01"


class UndefinedColumn(ProgrammingError):
    sqlstate = "42703"


class UndefinedFunction(ProgrammingError):
    sqlstate = "42883"


class DuplicateTable(ProgrammingError):
    sqlstate = "42P07"


class SyntaxError_(ProgrammingError):  # noqa: N801
    sqlstate = "42601"


class NumericValueOutOfRange(DataError):
    sqlstate = "22003"


class FeatureNotSupported(NotSupportedError):
    sqlstate = "0A000"


ERRORS: dict[str, type[Exception]] = {
    kind.__name__.rstrip("_"): kind
    for kind in (
        *(Error, DatabaseError, InterfaceError, OperationalError, IntegrityError, ProgrammingError),
        *(InternalError, DataError, NotSupportedError, UniqueViolation, ForeignKeyViolation),
        *(NotNullViolation, CheckViolation, QueryCanceled, LockNotAvailable, InFailedSqlTransaction),
        *(UndefinedTable, UndefinedColumn, UndefinedFunction, DuplicateTable, SyntaxError_),
        *(NumericValueOutOfRange, FeatureNotSupported),
    )
}


class Rollback(Exception):
    """`raise Rollback()` inside of `async with db.transaction()` leaves the block and undoes it."""


class AsyncTransaction:
    """`async with db.transaction()`: commits when the block ends, rolls back when it raises."""

    def __init__(self, connection: "AsyncConnection") -> None:
        self.connection = connection

    async def __aenter__(self) -> "AsyncTransaction":
        await _ask(requests.Begin())
        self.connection.depth += 1
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self.connection.depth -= 1
        if kind is None:
            await _ask(requests.Commit())
        elif kind is not GeneratorExit:  # after a crash nobody asks for a rollback any more
            await requests.Rollback()  # the block's own error counts, not one of the rollback
        return kind is not None and issubclass(kind, Rollback)


class AsyncCursor:
    """The result of one statement. All rows are here already: fetching asks nobody."""

    def __init__(self, connection: "AsyncConnection") -> None:
        self._connection = connection
        self._rows: Iterator[tuple[Plain, ...]] = iter(())
        self._result = Rows(-1, None, ())

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed or found; -1 before any."""
        return self._result.rowcount

    @property
    def description(self) -> list[tuple[str]] | None:
        columns = self._result.columns
        return None if columns is None else [(name,) for name in columns]

    async def execute(self, query: str, params: Parameters | None = None) -> "AsyncCursor":
        self._result = await _ask(Execute(*_bind(query, params)))
        self._rows = iter(self._result.rows)
        return self

    async def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._fetch(), None)

    async def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._fetch())

    async def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        return [row for row, _ in zip(self._fetch(), range(size), strict=False)]

    async def __aiter__(self) -> AsyncIterator[tuple[Any, ...]]:
        for row in self._fetch():
            yield row

    async def __aenter__(self) -> "AsyncCursor":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def _fetch(self) -> Iterator[tuple[Any, ...]]:
        if self._result.columns is None:
            raise ProgrammingError("the last operation didn't produce records (command status: none)")
        return self._rows


class AsyncConnection:
    """A connection in autocommit mode to the process's database."""

    autocommit = True

    def __init__(self) -> None:
        self.depth = 0

    def cursor(self) -> AsyncCursor:
        return AsyncCursor(self)

    async def execute(self, query: str, params: Parameters | None = None) -> AsyncCursor:
        return await AsyncCursor(self).execute(query, params)

    def transaction(self) -> AsyncTransaction:
        """A block that is one transaction. Nested blocks are savepoints."""
        return AsyncTransaction(self)

    async def commit(self) -> None:
        self._forbid_inside_block("commit")

    async def rollback(self) -> None:
        self._forbid_inside_block("rollback")

    def _forbid_inside_block(self, verb: str) -> None:
        if self.depth:
            raise ProgrammingError(
                f"Explicit {verb}() forbidden within a Transaction context. "
                "(Transaction will be automatically committed on successful exit from context.)"
            )


async def _ask(request: Request) -> Any:
    reply = await request
    if type(reply) is Failure:
        raise failed(reply)
    return reply


def failed(failure: Failure) -> Exception:
    """The exception that a failure of the database becomes in the learner's code."""
    return ERRORS[failure.error](*failure.arguments)


def _bind(query: str, params: Parameters | None) -> tuple[str, tuple[Plain, ...]]:
    if type(query) is not str:  # learners are not type-checked
        raise TypeError(f"the query should be a string, got {type(query).__name__}")
    if params is None:
        return query, ()
    if isinstance(params, Mapping):
        names = re.findall(r"%\((\w+)\)s", query)
        return re.sub(r"%\(\w+\)s", "%s", query), tuple(_plain(params[name]) for name in names)
    if isinstance(params, str | bytes):
        raise TypeError("query parameters should be a sequence or a mapping, got a string: write (value,)")
    return query, tuple(map(_plain, params))


def _plain(value: Any) -> Plain:
    """The value as it is stored; types of PostgreSQL that the world does not have become text."""
    if value is None or isinstance(value, bool | int | float | str | bytes):
        return value
    if isinstance(value, date | Decimal | UUID):
        return str(value)
    raise ProgrammingError(f"cannot adapt type '{type(value).__name__}' using placeholder '%s'")
