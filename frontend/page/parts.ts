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

/**
 * Not `disabled`: a button that is switched off under the reader's finger keeps the focus. One that is gone when it
 * has been pressed leaves the focus to its neighbour, or to the code.
 */
export function button(label: string, act: () => void, off = false, kind = ""): TemplateResult {
  const press = (event: Event): void => {
    if (off) return;
    const after = heirs(event.currentTarget as HTMLElement);
    act();
    requestAnimationFrame(() => requestAnimationFrame(after));
  };
  return html`<button type="button" class="course-button ${kind}" aria-disabled=${off} @click=${press}>${label}</button>`;
}

/** Gives the focus to whoever is next, if the button that had it is gone. */
function heirs(pressed: HTMLElement): () => void {
  const beside = [pressed.previousElementSibling, pressed.nextElementSibling];
  const host = pressed.closest("course-exercise, course-cell");
  return () => {
    if (pressed.isConnected || document.activeElement !== document.body) return;
    const next = [...beside, host?.querySelector(".cm-content, .course-button")].find((heir) => heir?.isConnected);
    if (next instanceof HTMLElement) next.focus({ preventScroll: true });
  };
}

/** The page's frame goes to another page for some letters, wherever they are typed but in a field. */
export function keepLetters(event: KeyboardEvent): void {
  if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) event.stopPropagation();
}

/** Plain text with line numbers, in the place and the size of the editor that will follow. */
export function numbered(source: string): TemplateResult {
  const lines = source.split("\n");
  return html`${lines.map((line) => html`<span class="line">${line}\n</span>`)}`;
}
