"""Requests, records and values in words, as traces, diagrams and stories have them.

Rules
- A sentence may show `MOST_SHOWN` characters of a value and `MOST_SQL` of a statement; a label has `MOST_LABEL` in
  all. What is cut off ends with an ellipsis.
- Of a message that is a JSON object its id is told first, or all names and values if it has none.
"""

import json
import re
from typing import Any, cast

from unreliable import requests as r
from unreliable.sql import translate

MOST_CELL = 1_000
MOST_LABEL = 28
MOST_SHOWN = 60
MOST_SQL = 160


def describe(request: r.Request | None) -> str:  # noqa: PLR0911
    """A request in words, as what somebody does."""
    match request:
        case r.Execute():
            return one_line(request.sql, request.parameters)
        case r.CommitOffsets():
            places = [f"{offset} of {topic}-{number}" for topic, number, offset in request.offsets or ()]
            return f"committing offset {', '.join(places)}" if places else "committing its offsets"
        case r.Ask():
            return f"calling {request.of}.{request.method}"
        case r.Send():
            return f"sending {summary(request.payload)} to {request.to}"
        case r.Produce():
            return f"sending {summary(request.value)}"
        case r.EndTransaction():
            return "committing its transaction" if request.commits else "aborting its transaction"
        case None:
            return "its first await"
        case _:
            return _DOINGS[type(request)]


_DOINGS: dict[type[r.Request], str] = {
    r.Sleep: "sleeping",
    r.Receive: "receiving",
    r.Delivery: "hearing the acknowledgement",
    r.Flush: "flushing",
    r.InitTransactions: "initialising its transactions",
    r.BeginTransaction: "beginning a transaction",
    r.SendOffsets: "sending offsets to its transaction",
    r.Watermarks: "asking for the ends of a partition",
    r.Poll: "polling",
    r.Seek: "seeking",
    r.Committed: "asking for the committed offsets",
    r.Assignment: "asking for its partitions",
    r.Subscribe: "subscribing",
    r.Unsubscribe: "unsubscribing",
    r.Close: "closing its consumer",
    r.Called: "going on",
    r.Assign: "assigning partitions",
    r.GroupMetadata: "asking for its group metadata",
    r.SharePoll: "polling",
    r.ShareCommit: "sending its acknowledgements",
    r.ShareClose: "closing its consumer",
    r.Position: "asking for its positions",
    r.PausePartitions: "pausing or resuming partitions",
    r.StoreOffsets: "storing offsets",
    r.Begin: "BEGIN",
    r.Commit: "COMMIT",
    r.Rollback: "ROLLBACK",
}


def kind(request: r.Request) -> str:
    """The kind of the event that a request to the database is."""
    if isinstance(request, r.Execute):
        kind = translate(request.sql).kind
        locks = kind == "write" and request.sql.lstrip()[:6].upper() == "SELECT"
        return "read" if locks or kind == "decode" else "write" if kind == "schema" else kind
    return type(request).__name__.lower()


def name(request: r.Request | None) -> str:
    """A request in few words, for a label: a statement's verb and table."""
    match request:
        case r.Execute():
            verb = request.sql.split(None, 1)[:1]
            return " ".join([*map(str.upper, verb), *_TABLE.findall(request.sql)[:1]])
        case r.CommitOffsets():
            return "commit"
        case r.Produce() | r.Send():
            return "sending"
        case r.Delivery():
            return "acknowledgement"
        case _:
            return describe(request)


_TABLE = re.compile(r"\b(?:into|from|update|table(?:\s+if\s+(?:not\s+)?exists)?)\s+(\w+)", re.I)


def one_line(sql: str, parameters: tuple[r.Plain, ...]) -> str:
    """The statement with its values, for reading, not for running."""
    values = iter(parameters)
    text = re.sub(r"%s", lambda _: _literal(next(values, "%s")), " ".join(sql.split()))
    return cut(text, MOST_SQL)


def _literal(value: r.Plain) -> str:
    return repr(value) if isinstance(value, str) else "NULL" if value is None else show(value)


def result(rows: r.Rows) -> str:
    if rows.columns is None:
        return "" if rows.rowcount < 0 else f": {rows.rowcount} row{'s' * (rows.rowcount != 1)}"
    if len(rows.rows) == 1:
        return f": {cut(', '.join(show(cell) for cell in rows.rows[0]), MOST_SHOWN)}"
    return f": {len(rows.rows) or 'no'} rows"


def show(value: Any) -> str:
    """Plain data for people; bytes as text where they are text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return "nothing" if value is None else str(value)


def summary(value: Any, most: int = MOST_SHOWN) -> str:
    """A message for people: of a JSON object its id and the other values, or all names and values."""
    text = show(value)
    fields = _json_object(text)
    if "id" in fields:
        name = fields.pop("id")
        name = name if isinstance(name, str) else f"#{name}"
        text = f"{name} ({', '.join(map(str, fields.values()))})" if fields else name
        text = text if len(text) <= most else name
    elif fields:
        text = " ".join(f"{field}={field_value}" for field, field_value in fields.items())
    return cut(text, most)


def _json_object(text: str) -> dict[str, Any]:
    """The fields of a JSON object; none of what is no JSON object."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def cut(text: str, most: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def entry(record: r.Record) -> str:
    """A record's label: its offset, and as much of it as there is room for."""
    offset = f"@{record.offset} "
    return offset + summary(record.value, MOST_LABEL - len(offset))


def show_cell(cell: Any) -> Any:
    """A value as JSON has it; no longer than anybody reads."""
    if isinstance(cell, bytes):
        return show_bytes(cell)
    return cell[:MOST_CELL] if isinstance(cell, str) else cell


def show_bytes(value: bytes | None) -> str:
    return show(value if value is None else value[:MOST_CELL])


def place(record: r.Record) -> str:
    return f"offset {record.offset} of {lane(record)}"


def lane(record: r.Record) -> str:
    return f"{record.topic}-{record.partition}"


def lost(outcome: str) -> str | None:
    return outcome.rpartition(" ")[2] if outcome.startswith(("lose ", "retry ")) else None


def seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g} s"
