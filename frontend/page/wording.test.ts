import assert from "node:assert/strict";
import { test } from "node:test";

import type { Results, TestResult } from "../messages";
import { announcement, cap, commonProblem, progressLine, replayCommand, schedulesLine, summary } from "./wording";

const schedules = { run: 412, covered: 3120, exhausted: true, faults: 2 };
const passed: TestResult = {
  name: "test_one", title: "One", outcome: "passed", schedules, anomaly: null, sentence: null,
  token: null, problem: null, story: null,
};
const failed: TestResult = { ...passed, title: "Two", outcome: "failed", anomaly: "duplicate effect" };
const results = (...tests: TestResult[]): Results => ({
  schema: 1, exercise: "03-idempotency/dedup_consumer", passed: !tests.includes(failed), problem: null, tests, output: "",
});

test("schedules", () => {
  assert.equal(schedulesLine(schedules), "412 schedules run, 3,120 covered, none left with up to 2 faults");
  const one = { run: 1, covered: 1, exhausted: false, faults: 1 };
  assert.equal(schedulesLine(one), "1 schedule run, more are left with up to 1 fault");
});

test("summary and announcement of a failure", () => {
  assert.equal(summary(results(passed, failed)), "Failed: 1 of 2 tests.");
  assert.equal(announcement(results(passed, failed)), "Failed: 1 of 2 tests. Duplicate effect in “Two”.");
});

test("summary of a check at work", () => {
  assert.equal(summary(results(passed), 3), "1 of 3 tests done, none failed.");
  assert.equal(summary(results(passed, failed), 3), "2 of 3 tests done, 1 failed.");
});

test("summary of success", () => {
  assert.equal(summary(results(passed, passed)), "Passed: all 2 tests, 824 schedules run.");
});

test("a problem is announced with its line", () => {
  const problem = { kind: "syntax", line: 3, message: "'(' was never closed", advice: "" } as const;
  assert.match(announcement({ ...results(), passed: false, problem }), /Line 3: '\(' was never closed/);
});

test("a problem of every test is told once, with the story of the run in which it was found", () => {
  const problem = { kind: "endless", line: 3, message: "it dies", advice: "" } as const;
  const story = { svg: "", whole: null, told: [], text: [], events: [], token: null };
  const all = { ...results({ ...failed, problem, story }, { ...failed, problem }), problem };
  assert.equal(commonProblem(all), problem);
  const found = { ...failed, problem, story: { ...story, token: "crash:7.1" } };
  assert.equal(commonProblem({ ...all, tests: [found] }), null);
});

test("progress counts from one", () => {
  assert.equal(progressLine({ test: "test_survives_a_crash", index: 0, of: 9, ended: null }), "Test 1 of 9: survives a crash");
});

test("long output keeps its end", () => {
  assert.deepEqual(cap("abcdef", 4), { text: "cdef", cut: 2 });
});

test("the command that replays", () => {
  assert.equal(
    replayCommand("03-idempotency/dedup_consumer", "crash:7.1"),
    "course check exercises/03-idempotency/dedup_consumer.py --replay crash:7.1",
  );
});
