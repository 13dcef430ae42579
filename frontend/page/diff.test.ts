import assert from "node:assert/strict";
import { test } from "node:test";

import { lineDiff } from "./diff";

const signs = { same: " ", "only-left": "-", "only-right": "+" };
const shown = (left: string, right: string): string =>
  lineDiff(left, right).map((line) => signs[line.kind] + line.text).join("|");

test("lines in common stay, the others are told by their side", () => {
  assert.equal(shown("a\nb\nc\n", "a\nx\nc\nd\n"), " a|-b|+x| c|+d");
});

test("a final newline is no difference", () => {
  assert.equal(shown("a\n", "a"), " a");
});

test("nothing in common", () => {
  assert.equal(shown("a", "b"), "-a|+b");
});

test("empty lines count", () => {
  assert.equal(shown("a\n\nb", "a\nb"), " a|-| b");
});
