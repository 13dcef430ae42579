/** What an event changed in the durable state: two snapshots in, rows with marks out. */

import type { LogRecord, State, Table } from "../messages";

export type Mark = "" | "new" | "changed" | "gone";

export interface MarkedCell {
  readonly text: string;
  readonly changed: boolean;
}

export interface MarkedRow {
  readonly cells: readonly MarkedCell[];
  readonly mark: Mark;
}

type Row = Table["rows"][number];

/** Rows are the same row if their first column, the key in every table of the course, agrees. */
export function markTable(before: Table | undefined, now: Table, first: boolean): MarkedRow[] {
  if (first) return now.rows.map((row) => marked(row, ""));
  const unmatched = [...(before?.rows ?? [])];
  const same = now.rows.map((row) => take(unmatched, (old) => equal(old, row)) !== undefined);
  const rows = now.rows.map((row, i) => {
    if (same[i] === true) return marked(row, "");
    const old = take(unmatched, (candidate) => equal(candidate[0], row[0]));
    return old === undefined ? marked(row, "new") : marked(row, "changed", old);
  });
  return [...rows, ...unmatched.map((row) => marked(row, "gone"))];
}

export function markLog(
  before: readonly LogRecord[] | undefined,
  now: readonly LogRecord[],
  first: boolean,
): MarkedRow[] {
  const known = new Set((before ?? []).map((record) => record.offset));
  return now.map((record) =>
    marked(
      [record.offset, record.key, record.value],
      first || known.has(record.offset) ? "" : "new",
    ),
  );
}

export function markCommitted(before: State | null, now: State): MarkedRow[] {
  return Object.entries(now.committed).map(([name, offset]) => {
    const old = before?.committed[name];
    if (before === null || old === offset) return marked([name, offset], "");
    return old === undefined
      ? marked([name, offset], "new")
      : marked([name, offset], "changed", [name, old]);
  });
}

function marked(row: Row, mark: Mark, old?: Row): MarkedRow {
  const cells = row.map((value, i) => ({
    text: show(value),
    changed: old !== undefined && !equal(old[i], value),
  }));
  return { cells, mark };
}

function take<T>(items: T[], wanted: (item: T) => boolean): T | undefined {
  const index = items.findIndex(wanted);
  return index < 0 ? undefined : items.splice(index, 1)[0];
}

const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function show(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return typeof value === "string" ? value : JSON.stringify(value);
}
