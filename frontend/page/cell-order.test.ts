import assert from "node:assert/strict";
import { test } from "node:test";

import { toRun } from "./cell-order";

const cell = (source: string, ran: string | null, generation = 1) => ({
  source,
  ran: ran === null ? null : { generation, source: ran },
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

test("a fresh interpreter has run nothing", () => {
  const [a, b] = [cell("a", "a", 1), cell("b", null)];
  assert.deepEqual(toRun([a, b], b, 2), [a, b]);
});
