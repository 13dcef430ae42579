/**
 * `<course-story>`: one schedule, told step by step: the diagram, a slider over its events, the
 * learner's own line, and the durable state with what the step changed. What is as in a run without faults is left
 * out until the reader asks for all steps.
 */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";

import type { Story, StoryEvent } from "../messages";
import { CopyButton } from "./copy";
import { Diagram } from "./diagram";
import { excerpt } from "./excerpt";
import { button, disclosure } from "./parts";
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

  /** Among the steps that are shown. */
  #index = 0;
  #all = false;
  #listOpen = false;
  readonly #diagram = new Diagram();
  readonly #copy = new CopyButton(this);

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override willUpdate(changed: PropertyValues): void {
    if (!changed.has("story")) return;
    this.#index = 0;
    this.#all = false;
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
        <p class="sentence" aria-live="polite">${this.#sentence(event)}</p>
      </div>
      ${this.#extent()}
      <div class="diagram" role="group" aria-label="Diagram of this schedule" tabindex="0">
        ${this.#diagram.element}
      </div>
      <div class="panels">
        ${excerpt(this.source, event.line, event.process)}
        ${statePanels(this.#shown[this.#index - 1]?.state ?? null, event.state)}
      </div>
      ${disclosure("All steps in words", this.#listOpen, () => this.#toggleList(), this.#list())}
      ${this.story.token === null ? nothing : this.#copy.render(replayCommand(this.exercise, this.story.token))}
    `;
  }

  get #shown(): readonly StoryEvent[] {
    const { events, told } = this.story;
    return this.#all ? events : told.map((index) => events[index]!);
  }

  get #event(): StoryEvent | undefined {
    return this.#shown[this.#index];
  }

  get #last(): number {
    return this.#shown.length - 1;
  }

  #sentence(event: StoryEvent): string {
    return this.story.text[this.story.events.indexOf(event)] ?? event.text;
  }

  /** How much of the run is shown, and the rest at the reader's wish. */
  #extent(): TemplateResult | typeof nothing {
    const { events, told, whole } = this.story;
    if (whole === null) return nothing;
    const left = events.length - told.length;
    return html`<p class="extent">
      ${this.#all ? "All steps of the run." : "These steps say most. Left out is, first of all, what is as it is without faults."}
      ${button(this.#all ? `Leave out ${left} steps` : `Show all ${events.length} steps`, () => this.#showAll(!this.#all), false, "small")}
    </p>`;
  }

  /** The reader stays at the event where they are, or at the next one that is told. */
  #showAll(all: boolean): void {
    const at = this.#event?.step ?? 0;
    this.#all = all;
    const index = this.#shown.findIndex(({ step }) => step >= at);
    this.#index = index < 0 ? this.#last : index;
    this.#diagram.draw(all ? (this.story.whole ?? this.story.svg) : this.story.svg);
    this.requestUpdate();
    this.#point();
  }

  #controls(): TemplateResult {
    const at = this.#index;
    const number = (this.#event?.step ?? 0) + 1;
    const rein = (label: string, path: string, to: number, off: boolean) => html`
      <button type="button" title=${label} aria-label=${label} aria-disabled=${off} @click=${() => this.#go(to)}>
        <svg viewBox="0 0 24 24" aria-hidden="true"><path d=${path} /></svg>
      </button>`;
    return html`
      <div class="steps" role="group" aria-label="Steps of the story">
        ${rein("First step", icons.first, 0, at === 0)} ${rein("Previous step", icons.previous, at - 1, at === 0)}
        <input type="range" min="0" max=${this.#last} .value=${String(at)} aria-label="Step"
          aria-valuetext="step ${number}; ${at + 1} of the ${this.#last + 1} that are shown"
          @input=${(e: InputEvent) => this.#go(Number((e.target as HTMLInputElement).value))} />
        ${rein("Next step", icons.next, at + 1, at === this.#last)} ${rein("Last step", icons.last, this.#last, at === this.#last)}
        <span class="count" aria-hidden="true">step ${number}</span>
        <span class="time">${((this.#event?.time_ms ?? 0) / 1000).toFixed(3)} s</span>
      </div>`;
  }

  #list(): TemplateResult {
    return html`<ol class="steps-list">
      ${this.#shown.map(
        (event, i) => html`<li value=${event.step + 1}>
          <button type="button" aria-current=${i === this.#index ? "step" : nothing} @click=${() => this.#go(i)}>
            ${this.#sentence(event)}
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
