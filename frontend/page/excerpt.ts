/** The learner's line that an event stands at, with its neighbours. */

import { html, type TemplateResult } from "lit";

const AROUND = 2;

export function excerpt(source: string, line: number | null, process: string): TemplateResult {
  const lines = source.split("\n");
  const title = line === null ? "Not in your code" : `Your code, line ${line}`;
  return html`
    <section class="panel excerpt">
      <h4>${title} <span class="process">${process}</span></h4>
      ${line === null || line > lines.length
        ? html`<p class="quiet">This step happens in the world around your code.</p>`
        : html`<pre tabindex="0">${around(lines, line)}</pre>`}
    </section>`;
}

function around(lines: readonly string[], line: number): TemplateResult[] {
  const from = Math.max(1, line - AROUND);
  return outdented(lines.slice(from - 1, line + AROUND)).map((text, i) => {
    const here = from + i === line;
    return html`<span class="code-line ${here ? "here" : ""}"><span class="number">${here ? "▸ " : ""}${from + i}</span>${text}\n</span>`;
  });
}

/** Without the indentation that all of them share: the panel is narrow. */
function outdented(lines: readonly string[]): string[] {
  const indents = lines.filter((text) => text.trim() !== "").map((text) => text.search(/\S/));
  return lines.map((text) => text.slice(Math.min(...indents)));
}
