/**
 * `<course-predict>`: a question whose answer the reader commits to before the next cell's output is shown.
 *
 * The choices are the built page's `<details>`; choosing one is final until the page is loaded again.
 */

import { html, LitElement, nothing, type TemplateResult } from "lit";

interface Choice {
  readonly answer: readonly Node[];
  readonly why: readonly Node[];
  readonly right: boolean;
}

export class CoursePredict extends LitElement {
  #question: Element | null = null;
  #choices: readonly Choice[] = [];
  #chosen: Choice | null = null;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    if (!this.hasUpdated) {
      this.#question = this.querySelector(":scope > .question");
      this.#choices = [...this.querySelectorAll(":scope > details")].map((details) => ({
        answer: [...(details.querySelector("summary")?.childNodes ?? [])],
        why: [...(details.querySelector("p")?.childNodes ?? [])],
        right: details.hasAttribute("data-right"),
      }));
      this.replaceChildren();
      this.#cover(true);
    }
    super.connectedCallback();
  }

  override render(): TemplateResult {
    const chosen = this.#chosen;
    return html`
      <div role="group" aria-label="Predict, then look">
        ${this.#question}
        <ul class="choices">
          ${this.#choices.map((choice) => html`<li>${this.#button(choice)}</li>`)}
        </ul>
        <div role="status">
          ${chosen === null
            ? nothing
            : html`<p class="why ${chosen.right ? "right" : "wrong"}">${chosen.why}</p>
                ${chosen.right ? nothing : this.#rightOne()}`}
        </div>
      </div>`;
  }

  #button(choice: Choice): TemplateResult {
    const done = this.#chosen !== null;
    const sign = !done ? "" : choice.right ? "✓ " : choice === this.#chosen ? "✗ " : "";
    return html`<button
      type="button"
      class="choice ${done && choice.right ? "right" : ""} ${choice === this.#chosen ? "chosen" : ""}"
      aria-pressed=${choice === this.#chosen ? "true" : "false"}
      aria-disabled=${done ? "true" : "false"}
      @click=${() => this.#choose(choice)}
    >${sign}${choice.answer}</button>`;
  }

  #rightOne(): TemplateResult | typeof nothing {
    const right = this.#choices.find((choice) => choice.right);
    return right === undefined ? nothing : html`<p class="why right">${right.why}</p>`;
  }

  #choose(choice: Choice): void {
    if (this.#chosen !== null) return;
    this.#chosen = choice;
    this.#cover(false);
    this.requestUpdate();
  }

  /** Hides what would give the answer away: the output of the next cell. */
  #cover(covered: boolean): void {
    const cells = [...document.querySelectorAll("course-cell")];
    const next = cells.find((cell) => (this.compareDocumentPosition(cell) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0);
    next?.classList.toggle("covered", covered);
  }
}

customElements.define("course-predict", CoursePredict);
