"""What lasts, as a trace shows it after each event.

Rules
- It is plain data, as JSON has it: what would survive if every process crashed now.
- Of a log the last `LAST_RECORDS` are shown, with their offsets; of a table the first `FIRST_ROWS`.
"""

from typing import TYPE_CHECKING, Any

from unreliable import words

if TYPE_CHECKING:
    from unreliable.world import World

LAST_RECORDS = 50
FIRST_ROWS = 200


def lasting(world: "World") -> dict[str, Any]:
    """What would survive if every process crashed now: tables, logs, committed offsets; as JSON-like data."""
    tables: dict[str, Any] = {}
    for name in world.database.table_names():
        columns, rows = world.database.rows(name)
        shown = [[words.show_cell(cell) for cell in row] for row in rows[:FIRST_ROWS]]
        tables[name] = {"columns": columns, "rows": shown}
    for slot, pending in world.database.decoding.pending():
        tables[f"slot {slot}"] = {"columns": ["lsn", "data"], "rows": [list(row) for row in pending[:FIRST_ROWS]]}
    for name, attributes in world.supplies.state():
        tables[name] = {
            "columns": [key for key, _ in attributes],
            "rows": [[words.show(part) for _, part in attributes]],
        }
    logs = {
        f"{topic}-{number}": [
            {"offset": record.offset, "key": words.show_bytes(record.key), "value": words.show_bytes(record.value)}
            for record in list(log)[-LAST_RECORDS:]
        ]
        for (topic, number), log in world.broker.logs.items()
    }
    committed = {
        f"{name} {topic}-{number}": offset
        for name, group in sorted(world.broker.groups.items())
        for (topic, number), offset in sorted(group.committed.items())
    }
    return {"tables": tables, "logs": logs, "committed": committed}
