/** The sentences of the page, apart from the page, so that each is written and tested once. */

import type { Problem, Progress, Results, Schedules, TestResult } from "../messages";

const count = (n: number): string => n.toLocaleString("en");

export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;

/** "412 schedules run, 3,120 covered, none left" */
export function schedulesLine(schedules: Schedules): string {
  const { run, covered, exhausted, faults } = schedules;
  const parts = [`${plural(run, "schedule")} run`];
  if (covered > run) parts.push(`${count(covered)} covered`);
  const reach = `up to ${plural(faults, "fault")}`;
  parts.push(exhausted ? `none left with ${reach}` : `more are left with ${reach}`);
  return parts.join(", ");
}

export const passedOf = (results: Results): number =>
  results.tests.filter((test) => test.outcome === "passed").length;

export const firstFailure = (results: Results): TestResult | undefined =>
  results.tests.find((test) => test.outcome !== "passed");

/**
 * The problem that kept every test from saying anything of its own: a syntax error, say. A story without a token is of
 * the run in which it was found.
 */
export function commonProblem({ problem, tests }: Results): Problem | null {
  const says = ({ problem, story }: TestResult): boolean => problem === null || (story?.token ?? null) !== null;
  return problem !== null && !tests.some(says) ? problem : null;
}

/** The line above the tests, of which there will be `of`. */
export function summary(results: Results, of = results.tests.length): string {
  const total = results.tests.length;
  if (total < of) {
    const failed = total - passedOf(results);
    return `${total} of ${plural(of, "test")} done, ${failed === 0 ? "none" : failed} failed.`;
  }
  if (commonProblem(results) !== null) return "Your code could not be checked.";
  if (results.passed) {
    const run = results.tests.reduce((sum, test) => sum + (test.schedules?.run ?? 0), 0);
    return `Passed: all ${plural(total, "test")}, ${plural(run, "schedule")} run.`;
  }
  return `Failed: ${count(total - passedOf(results))} of ${plural(total, "test")}.`;
}

/** What a screen reader hears: the summary, and the one thing to look at first. */
export function announcement(results: Results): string {
  const problem = commonProblem(results);
  if (problem !== null) {
    const { line, message } = problem;
    return `${summary(results)} ${line === null ? "" : `Line ${line}: `}${message}`;
  }
  const failure = firstFailure(results);
  if (failure === undefined) return summary(results);
  const what = failure.anomaly === null ? "Failed" : capital(failure.anomaly);
  return `${summary(results)} ${what} in “${failure.title}”.`;
}

/** "Test 3 of 9: survives a crash at every await" */
export function progressLine(progress: Progress): string {
  const name = progress.test.replace(/^test_/, "").replaceAll("_", " ");
  return `Test ${progress.index + 1} of ${progress.of}: ${name}`;
}

export const elapsed = (ms: number): string => `${Math.floor(ms / 1000)} s`;

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** Output can be very long; its end is what the learner just printed. */
export function cap(text: string, limit = 20_000): { text: string; cut: number } {
  const cut = Math.max(0, text.length - limit);
  return { text: text.slice(cut), cut };
}

/** `exercises/03-idempotency/dedup_consumer.py`: the same id below every folder. */
export const fileOf = (exercise: string): string => `exercises/${exercise}.py`;

export const replayCommand = (exercise: string, token: string): string =>
  `course check ${fileOf(exercise)} --replay ${token}`;
