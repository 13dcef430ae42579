"""psycopg 3's `AsyncConnection`, its cursor, its transactions and its exceptions.

Names, arguments and behaviour: https://www.psycopg.org/psycopg3/docs/api/
The connection is in autocommit mode, psycopg's advice for use with `transaction()`: a statement outside of a
transaction block is a transaction of its own.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import islice
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


SyntaxError_.__name__ = SyntaxError_.__qualname__ = "SyntaxError"  # as in psycopg.errors


class NumericValueOutOfRange(DataError):
    sqlstate = "22003"


class DeadlockDetected(OperationalError):
    sqlstate = "40P01"


class UndefinedObject(ProgrammingError):
    sqlstate = "42704"


class ObjectNotInPrerequisiteState(OperationalError):
    sqlstate = "55000"


class InvalidTextRepresentation(DataError):
    sqlstate = "22P02"


class FeatureNotSupported(NotSupportedError):
    sqlstate = "0A000"


ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        *(Error, DatabaseError, InterfaceError, OperationalError, IntegrityError, ProgrammingError),
        *(InternalError, DataError, NotSupportedError, UniqueViolation, ForeignKeyViolation),
        *(NotNullViolation, CheckViolation, QueryCanceled, LockNotAvailable, InFailedSqlTransaction),
        *(UndefinedTable, UndefinedColumn, UndefinedFunction, DuplicateTable, SyntaxError_),
        *(NumericValueOutOfRange, FeatureNotSupported, DeadlockDetected, UndefinedObject),
        *(ObjectNotInPrerequisiteState, InvalidTextRepresentation),
    )
}


class Rollback(Exception):
    """`raise Rollback()` inside of `async with db.transaction()` leaves the block and undoes it.

    `raise Rollback(transaction)` leaves all blocks up to that one.
    """

    def __init__(self, transaction: "AsyncTransaction | None" = None) -> None:
        super().__init__(transaction)
        self.transaction = transaction


class AsyncTransaction:
    """`async with db.transaction()`: commits when the block ends, rolls back when it raises."""

    def __init__(self, connection: "AsyncConnection") -> None:
        self.connection = connection

    async def __aenter__(self) -> "AsyncTransaction":
        await self.connection.ask(requests.Begin())
        self.connection.depth += 1
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        self.connection.depth -= 1
        if kind is None:
            await self.connection.ask(requests.Commit())
        elif kind is not GeneratorExit:  # after a crash nobody asks for a rollback any more
            await requests.Rollback()  # the block's own error counts, not one of the rollback
        return isinstance(error, Rollback) and error.transaction in {None, self}


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
        self._result = await self._connection.ask(Execute(*_bind(query, params)))
        self._rows = iter(self._result.rows)
        self._connection.follow(query)
        return self

    async def executemany(self, query: str, params_seq: Iterable[Parameters]) -> None:
        """Executes the statement for each of the parameters: all of them, or none if one fails."""
        changed = 0
        async with self._connection.as_one():
            for params in params_seq:
                changed += (await self.execute(query, params)).rowcount
        self._result, self._rows = Rows(changed, None, ()), iter(())

    async def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._fetch(), None)

    async def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._fetch())

    async def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        return list(islice(self._fetch(), size))

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
        self._begun = False
        self._lost = False

    @property
    def closed(self) -> bool:
        """Whether the connection was lost, as far as this side knows: a statement that fails says so."""
        return self._lost

    @property
    def broken(self) -> bool:
        """Whether it was closed otherwise than by the program."""
        return self._lost

    def cursor(self) -> AsyncCursor:
        return AsyncCursor(self)

    async def execute(self, query: str, params: Parameters | None = None) -> AsyncCursor:
        return await AsyncCursor(self).execute(query, params)

    def transaction(self) -> AsyncTransaction:
        """A block that is one transaction. Nested blocks are savepoints."""
        return AsyncTransaction(self)

    def as_one(self) -> AbstractAsyncContextManager[object]:
        """A transaction for what is sent in one go, unless there is one already."""
        return nullcontext() if self.depth or self._begun else self.transaction()

    async def commit(self) -> None:
        """Ends a transaction that was begun by `execute("BEGIN")`; else there is nothing to commit."""
        self._forbid_inside_block("commit")
        if self._begun:
            self._begun = False
            await self.ask(requests.Commit())

    async def rollback(self) -> None:
        self._forbid_inside_block("rollback")
        if self._begun:
            self._begun = False
            await self.ask(requests.Rollback())

    async def ask(self, request: Request) -> Any:
        try:
            return await _ask(request)
        except OperationalError as error:
            self._lost = self._lost or (type(error) is OperationalError and "closed" in str(error))
            raise

    def follow(self, query: str) -> None:
        """Notes whether a statement began or ended a transaction."""
        word = query.strip().partition(" ")[0].upper().rstrip(";")
        if word in {"BEGIN", "START"}:
            self._begun = not self.depth
        elif word in {"COMMIT", "END", "ROLLBACK", "ABORT"}:
            self._begun = False

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


_PLACEHOLDER = re.compile(r"%(?:\((\w+)\)s|(s)|(%))|%")


def _bind(query: str, params: Parameters | None) -> tuple[str, tuple[Plain, ...]]:
    """The statement with `%s` alone as placeholder, and the values in their order."""
    if type(query) is not str:  # learners are not type-checked
        raise TypeError(f"the query should be a string, got {type(query).__name__}")
    if params is None:
        return query.replace("%", "%%"), ()
    if not isinstance(params, Sequence | Mapping) or isinstance(params, str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"query parameters should be a sequence or a mapping, got {type(params).__name__}")
    if _ARRAY.search(query):
        params = _with_arrays(params)
    named, places = _placeholders(query)
    if isinstance(params, Mapping):
        return _bind_by_name(query, params, named, places)
    if named:
        raise TypeError("query parameters should be a mapping, as the query has named placeholders")
    if places != len(params):
        raise ProgrammingError(f"the query has {places} placeholders but {len(params)} parameters were passed")
    return query, tuple(map(_plain, params))


@lru_cache(maxsize=1024)
def _placeholders(query: str) -> tuple[tuple[str, ...], int]:
    """The names of the named placeholders, and how many there are without a name."""
    found: list[tuple[str, str, str]] = _PLACEHOLDER.findall(query)
    if ("", "", "") in found:
        raise ProgrammingError("only '%s', '%b', '%t' are allowed as placeholders; a percent sign is '%%'")
    return tuple(name for name, _, _ in found if name), sum(bool(place) for _, place, _ in found)


def _bind_by_name(
    query: str, params: Mapping[str, Any], named: tuple[str, ...], places: int
) -> tuple[str, tuple[Plain, ...]]:
    if places:
        raise TypeError("query parameters should be a sequence, as the query has positional placeholders")
    missing = [name for name in named if name not in params]
    if missing:
        raise ProgrammingError(f"query parameter missing: {', '.join(missing)}")
    return re.sub(r"%\(\w+\)s", "%s", query), tuple(_plain(params[name]) for name in named)


_ARRAY = re.compile(r"\b(ANY|ALL)\s*\(\s*%", re.I)


def _with_arrays(params: Parameters) -> Parameters:
    """Lists as the text that `= ANY(%s)` reads here (`unreliable.sql`)."""
    if isinstance(params, Mapping):
        return {name: _array(value) for name, value in params.items()}
    return tuple(map(_array, params))


def _array(value: Any) -> Any:
    return json.dumps(list(map(_plain, value))) if isinstance(value, list) else value  # pyright: ignore


_EXACT: dict[type, Callable[[Any], Plain]] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    bytes: bytes.__bytes__,
}


def _plain(value: Any) -> Plain:
    """The value as it is stored; types of PostgreSQL that the world does not have become text."""
    if value is None or type(value) in {str, int, float, bool, bytes}:
        return value
    for kind, exact in _EXACT.items():
        if isinstance(value, kind):  # a subclass, which may behave in any way, like an Enum
            return exact(value)
    if isinstance(value, date | Decimal | UUID):
        return str(value)
    raise ProgrammingError(f"cannot adapt type '{type(value).__name__}' using placeholder '%s'")
