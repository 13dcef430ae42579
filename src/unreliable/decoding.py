"""Logical decoding: what was committed, change by change, as a replication slot gives it.

Rules, and where PostgreSQL defines them (chapter 49 "Logical Decoding"; each was tried on PostgreSQL 15)
- A change has its position, its LSN, where it was written; a transaction has that of its commit. A slot gives
  whole transactions in the order of their commits, and nothing of what was rolled back. So the LSNs of the changes
  may go backwards from one transaction to the next; those of the commits (the rows with the action C) never do.
- `pg_logical_slot_peek_changes(slot, upto_lsn, upto_nchanges, …)` gives what the slot has not confirmed and leaves
  it there; `pg_logical_slot_get_changes` confirms what it gives. A limit is looked at after each transaction.
- `pg_replication_slot_advance(slot, lsn)` confirms up to a position: never backwards, never beyond the end. A
  transaction is passed when its commit is; a position inside of it, or before, gives all of it again.
- None of this is part of a transaction: a rollback takes back no confirmation.
- The rows' `data` is that of the plugin wal2json with `'format-version', '2'`; of its other options `actions` and
  `add-tables` are modelled. A deleted or updated row is told by its primary key (`REPLICA IDENTITY DEFAULT`).

Left out: a slot is in use by one session at a time; after a crash of the server it may be behind what was
confirmed; it keeps the log from being removed; changes of the schema are empty transactions in it; an UPDATE that
leaves a row as it was is in it. The streaming protocol, which tools for production use, gives the same changes and
confirms the same positions.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from unreliable.requests import Failure, Plain
from unreliable.tables import Column, Row

FIRST_LSN = 0x1528A60
CHANGE_BYTES = 0x80
COMMIT_BYTES = 0x30
FIRST_XID = 726

type Told = tuple[str, str, str]  # a row that a slot gives: LSN, transaction id, data

_ACTIONS = {"insert": "I", "update": "U", "delete": "D"}


@dataclass(frozen=True)
class Change:
    """One change of a row: whose and where it was written, I, U or D, the table, and the row as JSON has it."""

    xid: int
    lsn: int
    action: str
    table: str
    data: str


@dataclass(frozen=True)
class Committed:
    """A transaction in the log; `end` is the position after its commit."""

    changes: tuple[Change, ...]
    end: int


@dataclass(frozen=True)
class Wanted:
    """What is asked of the plugin: which actions, of which tables (None: of all)."""

    actions: frozenset[str | None]
    tables: frozenset[str] | None = None


class DecodingError(Exception):
    """What a function of the slots raises; SQLite hides it, so `Decoding.failure` has it too."""


class Decoding:
    """The slots of one database, and the log of what was committed. `enter` begins anew."""

    def __init__(self, slots: tuple[str, ...]) -> None:
        self._names = slots
        self.enter()

    def enter(self) -> None:
        self._confirmed = dict.fromkeys(self._names, FIRST_LSN)
        self._log: list[Committed] = []
        self._end = FIRST_LSN
        self._xid = FIRST_XID
        self.failure: Failure | None = None

    def __bool__(self) -> bool:
        """Whether there is a slot: without one nothing needs to be noted."""
        return bool(self._names)

    # Writing

    def write(
        self, earlier: tuple[Change, ...], table: str, columns: list[Column], before: Row | None, after: Row | None
    ) -> tuple[Change, ...]:
        """A transaction's changes with one more, written where the log ends; None is a row that is not there."""
        action = "I" if before is None else "D" if after is None else "U"
        told: dict[str, Any] = {"action": action, "schema": "public", "table": table}
        if after is not None:
            told["columns"] = [_cell(column, value) for column, value in zip(columns, after, strict=True)]
        if before is not None:
            cells = zip(columns, before, strict=True)
            told["identity"] = [_cell(column, value) for column, value in cells if column.in_key]
        data = json.dumps(told, separators=(",", ":"), ensure_ascii=False)
        if not earlier:
            self._xid += 1
        change = Change(earlier[0].xid if earlier else self._xid, self._end, action, table, data)
        self._end += CHANGE_BYTES
        return (*earlier, change)

    def commit(self, changes: tuple[Change, ...]) -> None:
        """The transaction that made these changes is committed."""
        self._end += COMMIT_BYTES
        self._log.append(Committed(changes, self._end))

    # Reading

    def functions(self) -> dict[str, Callable[..., Any]]:
        """The functions of SQL; those that give rows give them as a JSON array of arrays."""
        return {
            "pg_logical_slot_peek_changes_rows": self._guarded(self._peek),
            "pg_logical_slot_get_changes_rows": self._guarded(self._get),
            "pg_replication_slot_advance_rows": self._guarded(self._advance),
            "pg_replication_slot_advance": self._guarded(
                lambda *of: "({},{})".format(*self._advance(*of)[0]), dump=False
            ),
            "pg_current_wal_lsn": lambda: _text(self._end),
        }

    def _guarded(self, function: Callable[..., Any], dump: bool = True) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            try:
                given = function(*arguments)
            except DecodingError:
                raise
            except TypeError:
                raise self._refuse("UndefinedFunction", "function does not exist with these arguments") from None
            return json.dumps(given) if dump else given

        return call

    def _peek(self, slot: Plain, upto: Plain, most: Plain, *options: Plain) -> list[Told]:
        return [row for _, rows in self._given(slot, upto, most, options) for row in rows]

    def _get(self, slot: Plain, upto: Plain, most: Plain, *options: Plain) -> list[Told]:
        given = list(self._given(slot, upto, most, options))
        if given:
            self._confirmed[str(slot)] = given[-1][0]
        return [row for _, rows in given for row in rows]

    def _given(
        self, slot: Plain, upto: Plain, most: Plain, options: tuple[Plain, ...]
    ) -> Iterator[tuple[int, list[Told]]]:
        """The transactions that a slot gives, in the order of their commits: where each ends, and its rows."""
        limit = None if upto is None else self._lsn(upto)
        wanted = self._wanted(options)
        count = 0
        for committed in self._pending(slot):
            if limit is not None and committed.end - COMMIT_BYTES >= limit:
                return
            rows = _rows(committed, wanted)
            yield committed.end, rows
            count += len(rows)
            if isinstance(most, int) and 0 < most <= count:
                return

    def _pending(self, slot: Plain) -> Iterator[Committed]:
        if slot not in self._confirmed:
            raise self._refuse("UndefinedObject", f'replication slot "{slot}" does not exist')
        confirmed = self._confirmed[str(slot)]
        return (committed for committed in self._log if committed.end - COMMIT_BYTES >= confirmed)

    def _advance(self, slot: Plain, upto: Plain) -> list[tuple[str, str]]:
        position = min(self._lsn(upto), self._end)
        if slot not in self._confirmed:
            raise self._refuse("UndefinedObject", f'replication slot "{slot}" does not exist')
        confirmed = self._confirmed[str(slot)]
        if position < confirmed:
            told = f"cannot advance replication slot to {_text(position)}, minimum is {_text(confirmed)}"
            raise self._refuse("ObjectNotInPrerequisiteState", told)
        self._confirmed[str(slot)] = position
        return [(str(slot), _text(position))]

    def _wanted(self, options: tuple[Plain, ...]) -> Wanted:
        given = {str(name): str(value) for name, value in zip(options[::2], options[1::2], strict=False)}
        if given.pop("format-version", "1") != "2" or len(options) % 2:
            raise self._refuse("FeatureNotSupported", "pass the plugin's options as 'format-version', '2'")
        actions = given.pop("actions", None)
        tables = given.pop("add-tables", None)
        if given:
            raise self._refuse("FeatureNotSupported", f"the plugin's option {min(given)!r} is not modelled")
        return Wanted(
            frozenset(_ACTIONS.values() if actions is None else map(_ACTIONS.get, _names(actions))),
            None if tables is None else frozenset(_names(tables)),
        )

    def _lsn(self, text: Plain) -> int:
        try:
            high, low = str(text).split("/")
            return (int(high, 16) << 32) + int(low, 16)
        except ValueError:
            raise self._refuse(
                "InvalidTextRepresentation", f'invalid input syntax for type pg_lsn: "{text}"'
            ) from None

    def _refuse(self, error: str, message: str) -> DecodingError:
        self.failure = Failure(error, (message,))
        return DecodingError(message)

    # What lasts

    def pending(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """What each slot has not confirmed: (LSN, data)."""
        for slot in self._names:
            rows = [row for committed in self._pending(slot) for row in _rows(committed, ALL)]
            yield slot, [(lsn, data) for lsn, _, data in rows]

    def state(self) -> object:
        """All that the slots will ever give: what all of them have confirmed does not matter any more."""
        least = min(self._confirmed.values(), default=self._end)
        log = tuple(committed for committed in self._log if committed.end > least)
        return tuple(self._confirmed.values()), log, self._end, self._xid


ALL = Wanted(frozenset(_ACTIONS.values()))


def _rows(committed: Committed, wanted: Wanted) -> list[Told]:
    """A transaction as a slot tells it: begin and commit also where no change of it is wanted."""
    told = [
        (change.lsn, change.data)
        for change in committed.changes
        if change.action in wanted.actions and (wanted.tables is None or f"public.{change.table}" in wanted.tables)
    ]
    rows = [(committed.changes[0].lsn, '{"action":"B"}'), *told, (committed.end, '{"action":"C"}')]
    return [(_text(lsn), str(committed.changes[0].xid), data) for lsn, data in rows]


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _text(lsn: int) -> str:
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def _cell(column: Column, value: Plain) -> dict[str, Plain]:
    if column.type == "boolean" and value is not None:
        value = bool(value)
    if isinstance(value, bytes):
        value = value.hex()
    return {"name": column.name, "type": column.type, "value": value}
