/** What Check and Run answered. Python judged; this only lays it out. */

import { html, nothing, type TemplateResult } from "lit";

import type { Problem, Results, RunResult, Story, TestResult } from "../messages";
import { disclosure } from "./parts";
import { cap, capital, commonProblem, firstFailure, schedulesLine, summary } from "./wording";

/** What the reader has folded open, by name: a test's name, or "output". */
export interface Folds {
  has(name: string): boolean;
  toggle(name: string): void;
}

export interface Shown {
  readonly exercise: string;
  /** The code that was run. */
  readonly source: string;
  readonly stale: boolean;
  readonly folds: Folds;
}

/** Of a Check that is at work, or was stopped, only some of the tests are there. */
export function resultsView(results: Results, of: number, shown: Shown): TemplateResult {
  const problem = commonProblem(results);
  const story = problem === null ? null : (results.tests.find((test) => test.story !== null)?.story ?? null);
  return frame(
    summary(results, of),
    results.passed ? "passed" : firstFailure(results) === undefined ? "ran" : "failed",
    shown,
    html`
      ${problem === null
        ? html`<ol class="tests">${results.tests.map((test) => testView(test, shown))}</ol>`
        : problemView(problem)}
      ${story === null ? nothing : storyFold("run", story, shown)}
      ${problem === null && tooMuchOutput(results.problem) ? problemView(results.problem) : nothing}
      ${outputView(results.output, shown.folds)}
    `,
  );
}

export function runView(result: RunResult, shown: Shown): TemplateResult {
  const ran = result.problem === null || tooMuchOutput(result.problem);
  return frame(
    ran ? "One run without faults" : "Your code could not be run.",
    ran ? "ran" : "failed",
    shown,
    html`
      ${result.problem === null ? nothing : problemView(result.problem)}
      ${outputView(result.output, shown.folds, result.problem === null)}
      ${result.story === null ? nothing : storyFold("run", result.story, shown)}
    `,
  );
}

/** A program that prints too much runs all the same. */
const tooMuchOutput = (problem: Problem | null): problem is Problem => problem?.kind === "output";

function frame(title: string, outcome: string, shown: Shown, content: TemplateResult): TemplateResult {
  return html`
    <section class="results ${outcome} ${shown.stale ? "stale" : ""}">
      <h3 class="results-title">${sign(outcome)} ${title}</h3>
      ${shown.stale
        ? html`<p class="stale-note">You have changed the code since. These results are for the earlier version.</p>`
        : nothing}
      ${content}
    </section>`;
}

const signs: Record<string, string> = { passed: "✓", failed: "✗", error: "!", ran: "▶" };

const sign = (outcome: string): TemplateResult =>
  html`<span class="sign ${outcome}" aria-hidden="true">${signs[outcome] ?? ""}</span>`;

const outcomes = { passed: "Passed", failed: "Failed", error: "Error" } as const;

function testView(test: TestResult, shown: Shown): TemplateResult {
  return html`
    <li class="test ${test.outcome}">
      <p class="test-title">
        ${sign(test.outcome)} <span class="outcome">${outcomes[test.outcome]}</span> ${test.title}
      </p>
      ${test.schedules === null ? nothing : html`<p class="schedules">${schedulesLine(test.schedules)}</p>`}
      ${anomalyView(test)}
      ${test.problem === null ? nothing : problemView(test.problem)}
      ${test.story === null ? nothing : storyFold(test.name, test.story, shown)}
    </li>`;
}

/** A problem has its own words, so the sentence that goes with it is left out. */
function anomalyView({ anomaly, sentence, problem }: TestResult): TemplateResult | typeof nothing {
  const words = problem === null ? sentence : null;
  if (anomaly === null && words === null) return nothing;
  return html`<p class="anomaly">
    ${anomaly === null ? nothing : html`<strong>${capital(anomaly)}.</strong>`} ${words}
  </p>`;
}

function storyFold(name: string, story: Story, { folds, exercise, source }: Shown): TemplateResult {
  return disclosure(
    name === "run" ? "The story of this run" : "The story of the smallest failing schedule",
    folds.has(name),
    () => folds.toggle(name),
    html`<course-story .story=${story} .source=${source} .exercise=${exercise}></course-story>`,
  );
}

export function problemView(problem: Problem): TemplateResult {
  return html`
    <div class="problem">
      <p class="problem-message">
        ${problem.line === null ? nothing : html`<strong>Line ${problem.line}:</strong>`} <span class="words">${problem.message}</span>
      </p>
      ${problem.advice === "" ? nothing : html`<p class="advice words">${problem.advice}</p>`}
    </div>`;
}

function outputView(output: string, folds: Folds, evenIfEmpty = false): TemplateResult | typeof nothing {
  if (output === "") return evenIfEmpty ? html`<p class="quiet">Your code printed nothing.</p>` : nothing;
  const { text, cut } = cap(output);
  return disclosure(
    "Printed output",
    folds.has("output"),
    () => folds.toggle("output"),
    html`${cut === 0 ? nothing : html`<p class="quiet">The first ${cut.toLocaleString("en")} characters are left out.</p>`}
      <pre class="output text" tabindex="0">${text}</pre>`,
  );
}
