/** Two versions of the code, line against line. */

import { html, type TemplateResult } from "lit";

import { type DiffLine, lineDiff } from "./diff";

const signs = { same: " ", "only-left": "−", "only-right": "+" } as const;

export function compare(left: string, right: string, leftName: string, rightName: string): TemplateResult {
  const lines = lineDiff(left, right);
  if (lines.every((line) => line.kind === "same")) return html`<p class="quiet">They are the same.</p>`;
  return html`
    <p class="legend"><span class="only-left">− only in ${leftName}</span> <span class="only-right">+ only in ${rightName}</span></p>
    <pre class="diff" tabindex="0">${lines.map(lineView)}</pre>`;
}

const lineView = ({ kind, text }: DiffLine): TemplateResult =>
  html`<span class="line ${kind}">${signs[kind]} ${text}\n</span>`;
