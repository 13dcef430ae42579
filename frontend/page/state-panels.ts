/** Tables, logs and committed offsets after a step, with a mark on what the step changed. */

import { html, nothing, type TemplateResult } from "lit";

import type { State } from "../messages";
import { markCommitted, type MarkedRow, markLog, markTable } from "./changes";

/** Older rows of a long table say little about this step. */
const ROWS = 12;

export function statePanels(before: State | null, now: State): TemplateResult {
  const first = before === null;
  return html`
    ${Object.entries(now.tables).map(([name, table]) =>
      panel(`Table ${name}`, table.columns, markTable(before?.tables[name], table, first)),
    )}
    ${Object.entries(now.logs).map(([name, log]) =>
      panel(`Log ${name}`, ["offset", "key", "value"], markLog(before?.logs[name], log, first)),
    )}
    ${Object.keys(now.committed).length === 0
      ? nothing
      : panel("Committed offsets", ["group and partition", "offset"], markCommitted(before, now))}
  `;
}

function panel(title: string, columns: readonly string[], rows: readonly MarkedRow[]): TemplateResult {
  const hidden = Math.max(0, rows.length - ROWS);
  const changes = rows.some((row) => row.mark !== "");
  return html`
    <section class="panel ${changes ? "has-changes" : ""}">
      <h4>${title}</h4>
      <div class="scroll" tabindex="0" role="group" aria-label=${title}>
        <table class="state">
          <thead><tr>${columns.map((column) => html`<th scope="col">${column}</th>`)}</tr></thead>
          <tbody>
            ${hidden === 0
              ? nothing
              : html`<tr class="quiet"><td colspan=${columns.length}>${hidden} earlier rows</td></tr>`}
            ${rows.slice(hidden).map(row)}
            ${rows.length === 0 ? html`<tr class="quiet"><td colspan=${columns.length}>empty</td></tr>` : nothing}
          </tbody>
        </table>
      </div>
    </section>`;
}

function row({ cells, mark }: MarkedRow): TemplateResult {
  return html`<tr class=${mark}>
    ${cells.map(
      (cell, i) => html`<td class=${cell.changed ? "changed" : ""}>${cell.text}${
        i === cells.length - 1 && mark !== "" ? html` <span class="mark">${mark}</span>` : nothing
      }</td>`,
    )}
  </tr>`;
}
