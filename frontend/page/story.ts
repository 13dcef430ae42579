/**
 * `<course-story>`: one schedule, told step by step: the diagram, a slider over its events, the
 * learner's own line, and the durable state with what the step changed.
 */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";

import type { Story, StoryEvent } from "../messages";
import { CopyButton } from "./copy";
import { Diagram } from "./diagram";
import { excerpt } from "./excerpt";
import { disclosure } from "./parts";
import { statePanels } from "./state-panels";
import { replayCommand } from "./wording";

/** Tells the editor which line the story has reached. */
export class StoryLine extends Event {
  static readonly type = "story-line";
  constructor(readonly line: number | null) {
    super(StoryLine.type, { bubbles: true });
  }
}

/** Drawn, because few fonts have these signs. */
const icons = {
  first: "M5 5h3v14H5zM19 5v14L9 12z",
  previous: "M17 5v14L7 12z",
  next: "M7 5v14l10-7z",
  last: "M16 5h3v14h-3zM5 5v14l10-7z",
};

export class CourseStory extends LitElement {
  static override properties = {
    story: { attribute: false },
    source: { attribute: false },
    exercise: { attribute: false },
  };
  declare story: Story;
  /** The code that the story is about, which the editor may have moved on from. */
  declare source: string;
  declare exercise: string;

  #index = 0;
  #listOpen = false;
  readonly #diagram = new Diagram();
  readonly #copy = new CopyButton(this);

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override willUpdate(changed: PropertyValues): void {
    if (!changed.has("story")) return;
    this.#index = 0;
    this.#diagram.draw(this.story.svg);
  }

  override updated(changed: PropertyValues): void {
    if (changed.has("story")) this.#point();
  }

  override render(): TemplateResult {
    const event = this.#event;
    if (event === undefined) return html`<p>This schedule has no events.</p>`;
    return html`
      <div class="reins">
        ${this.#controls()}
        <p class="sentence" aria-live="polite">${this.#sentence(this.#index)}</p>
      </div>
      <div class="diagram" role="group" aria-label="Diagram of this schedule" tabindex="0">
        ${this.#diagram.element}
      </div>
      <div class="panels">
        ${excerpt(this.source, event.line, event.process)}
        ${statePanels(this.story.events[this.#index - 1]?.state ?? null, event.state)}
      </div>
      ${disclosure("All steps in words", this.#listOpen, () => this.#toggleList(), this.#list())}
      ${this.story.token === null ? nothing : this.#copy.render(replayCommand(this.exercise, this.story.token))}
    `;
  }

  get #event(): StoryEvent | undefined {
    return this.story.events[this.#index];
  }

  get #last(): number {
    return this.story.events.length - 1;
  }

  #sentence(index: number): string {
    return this.story.text[index] ?? this.story.events[index]?.text ?? "";
  }

  #controls(): TemplateResult {
    const at = this.#index;
    const button = (label: string, path: string, to: number, off: boolean) => html`
      <button type="button" title=${label} aria-label=${label} aria-disabled=${off} @click=${() => this.#go(to)}>
        <svg viewBox="0 0 24 24" aria-hidden="true"><path d=${path} /></svg>
      </button>`;
    return html`
      <div class="steps" role="group" aria-label="Steps of the story">
        ${button("First step", icons.first, 0, at === 0)} ${button("Previous step", icons.previous, at - 1, at === 0)}
        <input type="range" min="0" max=${this.#last} .value=${String(at)} aria-label="Step"
          aria-valuetext="step ${at + 1} of ${this.#last + 1}"
          @input=${(e: InputEvent) => this.#go(Number((e.target as HTMLInputElement).value))} />
        ${button("Next step", icons.next, at + 1, at === this.#last)} ${button("Last step", icons.last, this.#last, at === this.#last)}
        <span class="count" aria-hidden="true">${at + 1} / ${this.#last + 1}</span>
        <span class="time">${((this.#event?.time_ms ?? 0) / 1000).toFixed(3)} s</span>
      </div>`;
  }

  #list(): TemplateResult {
    return html`<ol class="steps-list">
      ${this.story.events.map(
        (_, i) => html`<li>
          <button type="button" aria-current=${i === this.#index ? "step" : nothing} @click=${() => this.#go(i)}>
            ${this.#sentence(i)}
          </button>
        </li>`,
      )}
    </ol>`;
  }

  #toggleList(): void {
    this.#listOpen = !this.#listOpen;
    this.requestUpdate();
  }

  #go(index: number): void {
    const to = Math.min(Math.max(index, 0), this.#last);
    if (to === this.#index) return;
    this.#index = to;
    this.requestUpdate();
    this.#point();
  }

  #point(): void {
    const event = this.#event;
    if (event === undefined) return;
    requestAnimationFrame(() => this.#diagram.point(event.step)); // its place is known after the layout
    this.dispatchEvent(new StoryLine(event.line));
  }
}

customElements.define("course-story", CourseStory);
