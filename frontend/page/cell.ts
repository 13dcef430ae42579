/**
 * `<course-cell>`: a cell of the lesson. It shows what the site's build ran; Run makes it live, after
 * the cells above it, because they share one set of names. A button of its output that carries a schedule
 * runs the cell with that schedule (`unreliable.play`).
 */

import { html, LitElement, nothing, type TemplateResult } from "lit";
import { guard } from "lit/directives/guard.js";

import type { CellResult, Output } from "../messages";
import { type Ran, toRun } from "./cell-order";
import { LazyEditor } from "./lazy-editor";
import { button, keepLetters } from "./parts";
import { python } from "./python";
import { problemView } from "./results";
import { safeMarkup } from "./safe";
import { statusLine } from "./status-line";
import { Task } from "./task";
import { turn } from "./turns";

let turns = 0;

export class CourseCell extends LitElement {
  source = "";
  ran: Ran | null = null;
  #built = "";
  #code: Element | null = null;
  #outputs: Element | null = null;
  #editing = false;
  #result: CellResult | null = null;
  #waits = "";
  #said = "";
  readonly #task = new Task(this);
  readonly #editor = new LazyEditor(
    this,
    () => ({
      source: this.source,
      label: "Code of this cell",
      describedBy: "",
      submitKeys: ["Mod-Enter", "Shift-Enter"],
      onChange: (source) => this.#edited(source),
    }),
    false,
  );

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override async connectedCallback(): Promise<void> {
    if (!this.hasUpdated) {
      if (!(await turn(this))) return;
      this.#takeOver();
    }
    super.connectedCallback();
  }

  #takeOver(): void {
    this.#code = this.querySelector(":scope > pre");
    this.#outputs = this.querySelector(":scope > .outputs");
    this.#built = (this.#code?.textContent ?? "").replace(/\n$/, "");
    this.source = this.#built;
    this.replaceChildren();
    this.#code?.setAttribute("tabindex", "-1"); // what is typed after a click on it is not for the page
    this.addEventListener("keydown", (event) => {
      keepLetters(event);
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.shiftKey) && this.#inCode(event)) {
        void this.#runWithThoseAbove();
      }
    });
    this.addEventListener("click", (event) => {
      const choice = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-schedule]") : null;
      if (choice !== null && choice.getAttribute("aria-disabled") !== "true") void this.#choose(choice);
    });
  }

  #inCode(event: Event): boolean {
    return event.target instanceof Element && event.target.closest(".code") !== null;
  }

  override render(): TemplateResult {
    const busy = this.#task.running;
    const touched = this.#result !== null || this.source !== this.#built || this.#editing;
    return html`
      ${this.#editing ? this.#editor.render(this.source) : this.#code}
      <div class="cell-bar" role="group" aria-label="This cell">
        ${button("Run", () => void this.#runWithThoseAbove(), busy, "small")}
        ${this.#editing ? nothing : button("Edit", () => void this.#edit(), busy, "small")}
        ${busy ? button("Stop", () => this.#task.stop(), false, "small") : nothing}
        ${touched && !busy ? button("Reset", () => this.#reset(), false, "small") : nothing}
        <span class="waits">${this.#waits}</span>
        ${this.#task.render()} ${statusLine(this.#task.wanted)}
      </div>
      <p class="visually-hidden" role="status">${this.#said}</p>
      ${this.#result === null ? this.#outputs : this.#live(this.#result)}
    `;
  }

  #live({ problem, outputs }: CellResult): TemplateResult {
    return html`<div class="outputs live">
      ${outputs.map(outputView)} ${problem === null ? nothing : problemView(problem)}
    </div>`;
  }

  async #runWithThoseAbove(schedule = ""): Promise<void> {
    if (this.#task.running) return;
    this.#say("Running…");
    const failure = await this.#task.run("Running", async () => {
      const all = [...document.querySelectorAll<CourseCell>("course-cell")];
      const cells = toRun(all, this, python.generation);
      for (const [i, cell] of cells.entries()) {
        this.#wait(cell === this ? "" : `First the cells above: ${i + 1} of ${cells.length - 1}`);
        if (!(await cell.runAlone(cell === this ? schedule : ""))) {
          if (cell !== this) throw new Error("A cell above ended with an error: see there.");
          break;
        }
      }
    });
    this.#wait(failure === null ? "" : failure.name === "Stopped" ? "Stopped." : failure.message);
    this.#say(failure === null ? (this.#result?.problem?.message ?? "The cell has run.") : this.#waits);
  }

  /** Tells how the chosen run ends, and lets the reader go on where they are. */
  async #choose({ dataset }: HTMLElement): Promise<void> {
    const scrolled = this.querySelector(".play .choices")?.scrollTop ?? 0;
    await this.#runWithThoseAbove(dataset.schedule);
    await this.updateComplete;
    this.querySelector(".play .choices")?.scrollTo({ top: scrolled, behavior: "instant" });
    const verdict = this.querySelector(".play .verdict");
    if (verdict !== null && this.#waits === "") this.#say([...verdict.children].map((part) => part.textContent).join(" "));
    if (document.activeElement !== document.body) return;
    const choices = [...this.querySelectorAll<HTMLElement>("[data-choice]")];
    choices.find((choice) => choice.dataset.choice === dataset.choice)?.focus({ preventScroll: true });
  }

  /** Whether it ended well. */
  async runAlone(schedule: string): Promise<boolean> {
    const { source } = this;
    const result = await python.runCell(source, schedule);
    this.#result = result;
    this.ran = result.problem === null ? { generation: python.generation, source, turn: ++turns } : null;
    if (this.source === source) this.#mark();
    this.requestUpdate();
    return result.problem === null;
  }

  #mark(): void {
    const problem = this.#result?.problem;
    const line = problem?.line ?? null;
    this.#editor.mark({
      problem: line === null ? null : { line, message: problem?.message ?? "" },
      story: null,
    });
  }

  async #edit(): Promise<void> {
    this.#editing = true;
    this.requestUpdate();
    await this.updateComplete;
    await this.#editor.open();
    this.#editor.focus();
  }

  #edited(source: string): void {
    this.source = source;
    this.requestUpdate();
  }

  #reset(): void {
    this.source = this.#built;
    this.#editor.close();
    this.#editing = false;
    this.#result = null;
    this.#mark();
    this.#waits = "";
    this.#say("The cell is as it was built.");
  }

  #wait(text: string): void {
    this.#waits = text;
    this.requestUpdate();
  }

  #say(words: string): void {
    this.#said = words;
    this.requestUpdate();
  }
}

/** HTML and SVG come from our own Python and go through `safeMarkup`; text is text. */
function outputView({ mime, data }: Output): TemplateResult {
  if (mime === "text/plain") return html`<pre class="output text" tabindex="0">${data}</pre>`;
  return html`<div class="output ${mime === "text/html" ? "html" : "svg"}" tabindex="0">${guard([data], () => safeMarkup(data))}</div>`;
}

customElements.define("course-cell", CourseCell);
