/** Small pieces that several elements of the page share. */

import { html, nothing, type TemplateResult } from "lit";

/** A heading-less fold. Material dresses every `<details>` as an admonition; this one is plain. */
export function disclosure(
  label: unknown,
  open: boolean,
  toggle: () => void,
  content: unknown,
): TemplateResult {
  return html`
    <div class="fold">
      <button type="button" class="fold-button" aria-expanded=${open} @click=${toggle}>${label}</button>
      ${open ? html`<div class="fold-content">${content}</div>` : nothing}
    </div>`;
}

/** Not `disabled`: a button that is switched off under the reader's finger keeps the focus. */
export function button(label: string, act: () => void, off = false, kind = ""): TemplateResult {
  return html`<button type="button" class="course-button ${kind}" aria-disabled=${off}
    @click=${() => off || act()}>${label}</button>`;
}

/** Plain text with line numbers, in the place and the size of the editor that will follow. */
export function numbered(source: string): TemplateResult {
  const lines = source.split("\n");
  return html`${lines.map((line) => html`<span class="line">${line}\n</span>`)}`;
}
