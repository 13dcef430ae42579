/** The solution, which is asked for twice and never touches the learner's code. */

import { html, nothing, type TemplateResult } from "lit";

import { compare } from "./compare";
import { button } from "./parts";
import type { StaticSolution } from "./static";

export type SolutionStage = "closed" | "asked" | "open" | "compared";

export function solutionView(
  solution: StaticSolution,
  stage: SolutionStage,
  mine: string,
  go: (stage: SolutionStage) => void,
): TemplateResult {
  if (stage === "closed") {
    return html`<div class="solution-panel">${button("Show the solution…", () => go("asked"))}</div>`;
  }
  if (stage === "asked") {
    return html`<div class="solution-panel notice">
      <p>A schedule that breaks your own code teaches more than code that is right. Your code stays as it is either way.</p>
      <div class="actions">
        ${button("Show the solution", () => go("open"))} ${button("Not yet", () => go("closed"))}
      </div>
    </div>`;
  }
  return html`<section class="solution-panel" aria-label="Solution">
    <div class="actions">
      ${button("Solution", () => go("open"), stage === "open")}
      ${button("Compare with mine", () => go("compared"), stage === "compared")}
      ${button("Hide the solution", () => go("closed"))}
    </div>
    ${stage === "open" ? solution.nodes : nothing}
    ${stage === "compared" ? compare(mine, solution.code, "your code", "the solution") : nothing}
  </section>`;
}
