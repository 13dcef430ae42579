import assert from "node:assert/strict";
import { test } from "node:test";

import { toRun } from "./cell-order";

let turn = 0;

const cell = (source: string, ran: string | null, generation = 1) => ({
  source,
  ran: ran === null ? null : { generation, source: ran, turn: ++turn },
});

test("cells above that have not run come first", () => {
  const [a, b, c] = [cell("a", "a"), cell("b", null), cell("c", null)];
  assert.deepEqual(toRun([a, b, c], c, 1), [b, c]);
});

test("a cell runs again when asked, and nothing below it does", () => {
  const [a, b] = [cell("a", "a"), cell("b", null)];
  assert.deepEqual(toRun([a, b], a, 1), [a]);
});

test("a cell above that was edited runs again", () => {
  const [a, b] = [cell("a, edited", "a"), cell("b", null)];
  assert.deepEqual(toRun([a, b], b, 1), [a, b]);
});

test("what stands between an edited cell and this one is made of it, and runs again", () => {
  const [a, b, c] = [cell("x = 10", "x = 1"), cell("y = x + 1", "y = x + 1"), cell("y", "y")];
  assert.deepEqual(toRun([a, b, c], c, 1), [a, b, c]);
});

test("so it is when the edited cell was run by itself", () => {
  const b = cell("y = x + 1", "y = x + 1");
  const [a, c] = [cell("x = 10", "x = 10"), cell("y", null)];
  assert.deepEqual(toRun([a, b, c], c, 1), [b, c]);
});

test("a fresh interpreter has run nothing", () => {
  const [a, b] = [cell("a", "a", 1), cell("b", null)];
  assert.deepEqual(toRun([a, b], b, 2), [a, b]);
});
