import assert from "node:assert/strict";
import { test } from "node:test";

import { markCommitted, type MarkedRow, markLog, markTable } from "./changes";

const accounts = (...rows: [string, number][]) => ({ columns: ["id", "balance"], rows });
const marks = (rows: MarkedRow[]): string[] =>
  rows.map((row) => `${row.cells.map((cell) => (cell.changed ? `*${cell.text}` : cell.text)).join(" ")} ${row.mark}`.trim());

test("a row is told apart by its first column", () => {
  const rows = markTable(accounts(["alice", 0], ["bob", 5]), accounts(["alice", 30], ["bob", 5]), false);
  assert.deepEqual(marks(rows), ["alice *30 changed", "bob 5"]);
});

test("rows that come and go are marked", () => {
  const rows = markTable(accounts(["alice", 0]), accounts(["bob", 0]), false);
  assert.deepEqual(marks(rows), ["bob 0 new", "alice 0 gone"]);
});

test("two equal rows are two rows", () => {
  const rows = markTable(accounts(["alice", 1]), accounts(["alice", 1], ["alice", 1]), false);
  assert.deepEqual(marks(rows), ["alice 1", "alice 1 new"]);
});

test("the first step changes nothing, as there was nothing before it", () => {
  assert.deepEqual(marks(markTable(undefined, accounts(["alice", 0]), true)), ["alice 0"]);
});

test("a table that the step created is new", () => {
  assert.deepEqual(marks(markTable(undefined, accounts(["alice", 0]), false)), ["alice 0 new"]);
});

test("an appended record is new", () => {
  const first = { offset: 0, key: "a", value: "x" };
  const second = { offset: 1, key: null, value: "y" };
  assert.deepEqual(marks(markLog([first], [first, second], false)), ["0 a x", "1 null y new"]);
});

test("a committed offset that moved is changed", () => {
  const state = (committed: Record<string, number>) => ({ tables: {}, logs: {}, committed });
  const rows = markCommitted(state({ "bank p-0": 1 }), state({ "bank p-0": 2, "bank p-1": 1 }));
  assert.deepEqual(marks(rows), ["bank p-0 *2 changed", "bank p-1 1 new"]);
});
