/** How far Python is: nothing while nobody asked for it, and nothing once it is ready. */

import { html, nothing, type TemplateResult } from "lit";

import { button } from "./parts";
import { python } from "./python";

export function statusLine(wanted: boolean): TemplateResult | typeof nothing {
  if (!wanted) return nothing;
  const { status } = python;
  if (status.phase === "starting") {
    const percent = status.progress === null ? null : Math.round(status.progress * 100);
    return html`<p class="runtime">
      <progress max="100" value=${percent ?? nothing} aria-label="Python starts"></progress>
      <span>Python starts… ${percent === null ? nothing : `${percent} %`}</span>
    </p>`;
  }
  if (status.phase === "silent") {
    return html`<p class="runtime" role="status">
      Python has given no sign of life for ten seconds: it is in the middle of one long step, such as a sum over
      something that never ends. Stop ends it; your code is safe.
    </p>`;
  }
  if (status.phase === "failed") {
    return html`<div class="notice" role="status">
      <p>Python did not start: ${status.message} Your code is safe.</p>
      <div class="actions">${button("Try again", () => void python.host.prepare().catch(() => {}))}</div>
    </div>`;
  }
  return nothing;
}
