import assert from "node:assert/strict";
import { test } from "node:test";

import { Draft, type Storage } from "./draft";

const EXERCISE = "03-idempotency/dedup_consumer";
const KEY = `effectively-once/1/code/${EXERCISE}`;

class Shelf implements Storage {
  readonly items = new Map<string, string>();
  refuses: Error | null = null;

  get length(): number {
    return this.items.size;
  }

  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }

  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }

  setItem(key: string, value: string): void {
    if (this.refuses !== null) throw this.refuses;
    this.items.set(key, value);
  }

  removeItem(key: string): void {
    this.items.delete(key);
  }
}

const open = (shelf: Shelf, starter = "starter\n"): Draft => new Draft(EXERCISE, starter, () => shelf);

function typed(draft: Draft, source: string): void {
  draft.edit(source);
  draft.save();
}

function full(): Error {
  return new DOMException("", "QuotaExceededError");
}

test("a new exercise shows the starter and stores nothing", () => {
  const shelf = new Shelf();
  const draft = open(shelf);
  draft.save();
  assert.equal(draft.source, "starter\n");
  assert.equal(shelf.items.size, 0);
});

test("what was typed is there after a reload", () => {
  const shelf = new Shelf();
  typed(open(shelf), "mine\n");
  assert.equal(open(shelf).source, "mine\n");
});

test("a reset can be undone, after a reload too", () => {
  const shelf = new Shelf();
  const draft = open(shelf);
  typed(draft, "mine\n");
  draft.reset();
  draft.save();
  const again = open(shelf);
  assert.equal(again.source, "starter\n");
  again.bringBackEarlier();
  assert.equal(again.source, "mine\n");
  again.save();
  assert.equal(open(shelf).earlier, null);
});

test("a record that cannot be read is set aside and offered", () => {
  const shelf = new Shelf();
  shelf.items.set(KEY, '{"source": "half of my wo');
  const draft = open(shelf);
  assert.equal(draft.damaged, '{"source": "half of my wo');
  typed(draft, "anew\n");
  assert.equal(shelf.items.get(`${KEY}/damaged`), '{"source": "half of my wo');
  assert.equal(open(shelf).source, "anew\n");
});

test("a damaged record is offered until it is forgotten", () => {
  const shelf = new Shelf();
  shelf.items.set(KEY, "damaged");
  typed(open(shelf), "mine\n");
  const later = open(shelf);
  assert.equal(later.source, "mine\n");
  assert.equal(later.damaged, "damaged");
  later.forgetDamaged();
  assert.equal(open(shelf).damaged, null);
});

test("a damaged record that cannot be set aside is not overwritten", () => {
  const shelf = new Shelf();
  shelf.items.set(KEY, "damaged");
  shelf.refuses = full();
  const draft = open(shelf);
  typed(draft, "anew\n");
  assert.equal(draft.trouble, "full");
  assert.equal(shelf.items.get(KEY), "damaged");
  shelf.refuses = null;
  draft.save();
  assert.equal(shelf.items.get(`${KEY}/damaged`), "damaged");
});

test("full storage is told, loses nothing and is tried again", () => {
  const shelf = new Shelf();
  const draft = open(shelf);
  shelf.refuses = full();
  typed(draft, "mine\n");
  assert.equal(draft.trouble, "full");
  assert.equal(draft.unsaved, true);
  assert.equal(draft.source, "mine\n");
  shelf.refuses = null;
  draft.save();
  assert.equal(draft.trouble, null);
  assert.equal(open(shelf).source, "mine\n");
});

test("storage that may not be touched at all is told", () => {
  const draft = new Draft(EXERCISE, "starter\n", () => {
    throw new DOMException("", "SecurityError");
  });
  assert.equal(draft.trouble, "blocked");
  assert.equal(draft.source, "starter\n");
});

test("another tab's version is offered and not overwritten", () => {
  const shelf = new Shelf();
  const [here, there] = [open(shelf), open(shelf)];
  typed(there, "theirs\n");
  typed(here, "mine\n");
  assert.equal(here.other, "theirs\n");
  assert.equal(open(shelf).source, "theirs\n");
});

test("what this tab wrote during the conflict survives its end", () => {
  const shelf = new Shelf();
  const [here, there] = [open(shelf), open(shelf)];
  typed(there, "theirs\n");
  typed(here, "mine\n");
  const later = open(shelf);
  assert.equal(later.source, "theirs\n");
  assert.equal(later.other, "mine\n");
  later.takeOther();
  assert.equal(open(shelf).source, "mine\n");
  assert.equal(open(shelf).other, null);
});

test("what two tabs wrote during the conflict is offered, one after the other", () => {
  const shelf = new Shelf();
  const [here, there, third] = [open(shelf), open(shelf), open(shelf)];
  typed(there, "theirs\n");
  typed(here, "mine\n");
  typed(third, "the third\n");
  const later = open(shelf);
  assert.equal(later.other, "mine\n");
  later.keepMine();
  assert.equal(later.other, "the third\n");
  later.takeOther();
  assert.equal(later.other, null);
  assert.equal(open(shelf).source, "the third\n");
  assert.equal(open(shelf).other, null);
  assert.deepEqual([...shelf.items.keys()], [KEY]);
});

test("a version that is set aside as it is here already is not offered", () => {
  const shelf = new Shelf();
  const [here, there] = [open(shelf), open(shelf)];
  typed(there, "theirs\n");
  typed(here, "mine\n");
  typed(open(shelf), "mine\n");
  assert.equal(open(shelf).other, null);
});

test("typing on before choosing does not lose what was set aside", () => {
  const shelf = new Shelf();
  const [here, there] = [open(shelf), open(shelf)];
  typed(there, "theirs\n");
  typed(here, "mine\n");
  typed(open(shelf), "theirs, longer\n");
  assert.equal(open(shelf).other, "mine\n");
});

test("keeping mine overwrites the other version, and says so over there", () => {
  const shelf = new Shelf();
  const [here, there] = [open(shelf), open(shelf)];
  typed(there, "theirs\n");
  here.edit("mine\n");
  here.hear(shelf.getItem(KEY));
  here.keepMine();
  assert.equal(open(shelf).source, "mine\n");
  there.hear(shelf.getItem(KEY));
  assert.equal(there.other, "mine\n");
});

test("taking the other version can be undone", () => {
  const shelf = new Shelf();
  const [here, there] = [open(shelf), open(shelf)];
  typed(here, "mine\n");
  there.hear(shelf.getItem(KEY));
  there.takeOther();
  assert.equal(there.source, "mine\n");
  assert.deepEqual(there.earlier, { source: "starter\n", replacedBy: "switch" });
});

test("the same text in two tabs is no conflict", () => {
  const shelf = new Shelf();
  const [here, there] = [open(shelf), open(shelf)];
  typed(here, "same\n");
  typed(there, "same\n");
  assert.equal(there.other, null);
  typed(there, "same, and more\n");
  assert.equal(open(shelf).source, "same, and more\n");
});

test("a newer starter is told and changes no code", () => {
  const shelf = new Shelf();
  typed(open(shelf, "old starter\n"), "mine\n");
  const draft = open(shelf, "new starter\n");
  assert.equal(draft.source, "mine\n");
  assert.equal(draft.newerStarter, true);
  draft.dismissStarter();
  draft.save();
  assert.equal(open(shelf, "new starter\n").newerStarter, false);
});

test("a starter that was never changed is replaced by the newer one", () => {
  const shelf = new Shelf();
  const draft = open(shelf, "old starter\n");
  typed(draft, "mine\n");
  draft.reset();
  draft.save();
  const later = open(shelf, "new starter\n");
  assert.equal(later.source, "new starter\n");
  assert.equal(later.newerStarter, false);
});

test("what was written after a reset is not lost by undoing it", () => {
  const shelf = new Shelf();
  const draft = open(shelf);
  typed(draft, "old\n");
  draft.reset();
  typed(draft, "new\n");
  draft.bringBackEarlier();
  draft.save();
  const again = open(shelf);
  assert.equal(again.source, "old\n");
  again.bringBackEarlier();
  assert.equal(again.source, "new\n");
});

test("a version of another tab does not take the place of what was reset", () => {
  const shelf = new Shelf();
  const draft = open(shelf);
  typed(draft, "mine\n");
  draft.reset();
  draft.save();
  draft.hear(JSON.stringify({ source: "theirs\n", starter: "starter\n", earlier: null }));
  draft.takeOther();
  assert.equal(draft.source, "theirs\n");
  assert.equal(draft.earlier?.source, "mine\n");
});

test("another tab's version stays where it is until it can be written elsewhere", () => {
  const shelf = new Shelf();
  const here = open(shelf);
  typed(here, "here\n");
  const there = open(shelf);
  typed(here, "here, later\n");
  typed(there, "there\n");
  const later = open(shelf);
  assert.equal(later.other, "there\n");
  shelf.refuses = full();
  later.takeOther();
  assert.equal(later.trouble, "full");
  assert.ok([...shelf.items.values()].some((raw) => raw.includes("there")));
});

test("a page that comes back looks for what another tab has written", () => {
  const shelf = new Shelf();
  const draft = open(shelf);
  typed(draft, "one\n");
  typed(open(shelf), "two\n");
  draft.look();
  assert.equal(draft.other, "two\n");
});
