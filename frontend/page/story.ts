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

let stories = 0;

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
  readonly #id = `story-${(stories += 1)}`;
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
      <div class="diagram" role="group" aria-label="Diagram of this schedule" tabindex="0">
        ${this.#diagram.element}
      </div>
      ${this.#controls()}
      <p class="sentence" id="${this.#id}-sentence" aria-live="polite">${this.#sentence(this.#index)}</p>
      <div class="panels">
        ${excerpt(this.source, event.line, event.process)}
        ${statePanels(this.story.events[this.#index - 1]?.state ?? null, event.state)}
      </div>
      ${disclosure("All steps in words", this.#listOpen, () => this.#toggleList(), this.#list())}
      ${this.story.token === "" ? nothing : this.#copy.render(replayCommand(this.exercise, this.story.token))}
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
    const button = (label: string, sign: string, to: number, off: boolean) => html`
      <button type="button" title=${label} aria-label=${label} aria-disabled=${off} @click=${() => this.#go(to)}>
        ${sign}
      </button>`;
    return html`
      <div class="steps" role="group" aria-label="Steps of the story">
        ${button("First step", "⏮", 0, at === 0)} ${button("Previous step", "◀", at - 1, at === 0)}
        <input type="range" min="0" max=${this.#last} .value=${String(at)} aria-label="Step"
          aria-valuetext="step ${at + 1} of ${this.#last + 1}"
          @input=${(e: InputEvent) => this.#go(Number((e.target as HTMLInputElement).value))} />
        ${button("Next step", "▶", at + 1, at === this.#last)} ${button("Last step", "⏭", this.#last, at === this.#last)}
        <span class="count" aria-hidden="true">${at + 1} / ${this.#last + 1}</span>
        <span class="time">${this.#event?.time_ms ?? 0} ms</span>
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
    this.#diagram.point(event.step);
    this.dispatchEvent(new StoryLine(event.line));
  }
}

customElements.define("course-story", CourseStory);
