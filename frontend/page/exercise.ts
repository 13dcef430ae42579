/**
 * `<course-exercise>`: the static exercise of the page, come to life: editor, Run, Check, Stop and
 * Reset, hints, solution, and what Python answered.
 *
 * It lives in the light DOM, so that Material's own styles apply and its search finds the text.
 */

import { html, LitElement, nothing, type TemplateResult } from "lit";

import type { Draft } from "./draft";
import { Keeper } from "./keeper";
import { LazyEditor } from "./lazy-editor";
import { button, keepLetters } from "./parts";
import { python } from "./python";
import { resultsView, runView, type Shown } from "./results";
import { solutionView, type SolutionStage } from "./solution";
import { type StaticExercise, takeApart } from "./static";
import { statusLine } from "./status-line";
import { StoryLine } from "./story";
import { Task } from "./task";
import { turn } from "./turns";
import { announcement, capital, firstFailure } from "./wording";
import type { Problem, Results, RunResult, TestResult } from "../messages";

type Answer =
  | { readonly kind: "checked"; readonly source: string; readonly results: Results; readonly of: number }
  | { readonly kind: "ran"; readonly source: string; readonly result: RunResult };

export class CourseExercise extends LitElement {
  #parts!: StaticExercise;
  #keeper!: Keeper;
  #answer: Answer | null = null;
  #said = "";
  /** Why the last Check or Run gave no answer. */
  #ended = "";
  #storyLine: number | null = null;
  #hintsShown = 1;
  #solution: SolutionStage = "closed";
  readonly #folds = new Set<string>();
  readonly #task = new Task(this);
  readonly #editor = new LazyEditor(this, () => ({
    source: this.#draft.source,
    label: `Your code for ${this.#name}`,
    describedBy: this.#keysId,
    submitKeys: ["Mod-Enter"],
    onChange: (source) => this.#keeper.edited(source),
  }));

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
    this.#parts = takeApart(this);
    this.#keeper = new Keeper(this, this.#id, this.#parts.starter, (words) => this.#replaced(words));
    this.addEventListener(StoryLine.type, (event) => this.#point((event as StoryLine).line));
    this.addEventListener("keydown", (event) => {
      keepLetters(event);
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault(); // or the button that has the focus would be pressed too
      if (!event.repeat) this.#check();
    });
    for (const [i, hint] of this.#parts.hints.entries()) {
      hint.addEventListener("toggle", () => this.#showHints(i + 2));
    }
  }

  get #draft(): Draft {
    return this.#keeper.draft;
  }

  get #id(): string {
    return this.getAttribute("exercise") ?? "";
  }

  get #name(): string {
    return this.#id.split("/").at(-1)?.replaceAll("_", " ") ?? "";
  }

  get #keysId(): string {
    return `keys-${this.#id.replace(/\W/g, "-")}`;
  }

  override render(): TemplateResult {
    return html`
      ${this.#parts.brief}
      ${this.#keeper.render()}
      ${this.#editor.render(this.#draft.source)}
      ${this.#toolbar()} ${statusLine(this.#task.wanted)} ${this.#task.render()}
      <p class="visually-hidden" role="status">${this.#said}</p>
      ${this.#ended === "" ? nothing : html`<p class="notice">${this.#ended}</p>`}
      ${this.#answerView()}
      ${this.#hints()}
      ${this.#parts.solution === null
        ? nothing
        : solutionView(this.#parts.solution, this.#solution, this.#draft.source, (stage) => {
            this.#solution = stage;
            this.requestUpdate();
          })}
    `;
  }

  #toolbar(): TemplateResult {
    const busy = this.#task.running;
    const { earlier, source, starter } = this.#draft;
    return html`
      <div class="toolbar">
        <div class="buttons" role="group" aria-label="Run and check">
          ${button("Run", () => this.#run(), busy)} ${button("Check", () => this.#check(), busy, "primary")}
          ${button("Stop", () => this.#task.stop(), !busy)}
          ${button("Reset", () => this.#keeper.reset(), source === starter)}
          ${earlier === null
            ? nothing
            : button(earlier.replacedBy === "reset" ? "Undo reset" : "Undo switch", () => this.#keeper.bringBackEarlier())}
        </div>
        <p class="keys" id=${this.#keysId}>
          <kbd>${onMac() ? "⌘" : "Ctrl"}</kbd> <kbd>Enter</kbd> checks. <kbd>Tab</kbd> indents;
          <kbd>Esc</kbd>, then <kbd>Tab</kbd>, leaves the editor.
        </p>
      </div>`;
  }

  #hints(): TemplateResult | typeof nothing {
    const { hints } = this.#parts;
    if (hints.length === 0) return nothing;
    return html`<div class="hints">${hints.slice(0, this.#hintsShown)}</div>`;
  }

  #answerView(): TemplateResult | typeof nothing {
    if (this.#answer === null) return nothing;
    const { source } = this.#answer;
    const shown: Shown = {
      exercise: this.#id,
      source,
      stale: source !== this.#draft.source,
      folds: { has: (name) => this.#folds.has(name), toggle: (name) => this.#fold(name) },
    };
    return this.#answer.kind === "checked"
      ? resultsView(this.#answer.results, this.#answer.of, shown)
      : runView(this.#answer.result, shown);
  }

  // What the reader does

  #check(): void {
    const { source } = this.#draft;
    void this.#ask("Checking", async () => {
      let ended: readonly TestResult[] = [];
      const results = await python.host.check(this.#id, source, (progress) => {
        this.#task.progress(progress);
        if (progress.ended === null) return;
        ended = [...ended, progress.ended];
        this.#showChecked(source, unfinished(this.#id, ended), progress.of);
      });
      // What is on the page already stays as it is: the reader may be in the middle of its story.
      const tests = results.tests.map((test, i) => ended[i] ?? test);
      this.#showChecked(source, { ...results, tests }, tests.length);
      this.#say(announcement(results));
    });
  }

  /** The story of the first failure opens as soon as there is one. */
  #showChecked(source: string, results: Results, of: number): void {
    if (results.tests.length <= 1) this.#folds.clear();
    const failure = firstFailure(results);
    if (failure?.story && failure === results.tests.at(-1)) this.#folds.add(failure.name);
    this.#show({ kind: "checked", source, results, of });
  }

  #run(): void {
    const { source } = this.#draft;
    void this.#ask("Running", async () => {
      const result = await python.host.run(this.#id, source);
      this.#folds.clear();
      this.#folds.add("output").add("run");
      this.#show({ kind: "ran", source, result });
      this.#say(result.problem?.message ?? "The run is over.");
    });
  }

  async #ask(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#task.running) return;
    this.#keeper.save();
    this.#ended = "";
    this.#storyLine = null;
    this.#say(`${what}…`);
    const failure = await this.#task.run(what, work);
    if (failure !== null) this.#end(failure);
  }

  #end(failure: Error): void {
    const stopped = failure.name === "Stopped";
    this.#ended = stopped ? "Stopped. Your code is as it was." : failure.message;
    this.#say(this.#ended);
  }

  /** A hint that was opened brings the next one; closing it takes none away. */
  #showHints(count: number): void {
    this.#hintsShown = Math.max(this.#hintsShown, count);
    this.requestUpdate();
  }

  #fold(name: string): void {
    if (!this.#folds.delete(name)) this.#folds.add(name);
    this.requestUpdate();
  }

  // What follows from it

  #show(answer: Answer): void {
    this.#answer = answer;
    this.#mark();
    this.requestUpdate();
  }

  #say(words: string): void {
    this.#said = words;
    this.requestUpdate();
  }

  #point(line: number | null): void {
    this.#storyLine = line;
    this.#mark();
  }

  /** Marks lines only in the code that they were found in. */
  #mark(): void {
    if (this.#answer?.source !== this.#draft.source) return;
    const problem = problemOf(this.#answer);
    this.#editor.mark({
      problem: problem === null || problem.line === null
        ? null
        : { line: problem.line, message: capital(problem.message) },
      story: this.#storyLine,
    });
  }

  #replaced(words: string): void {
    this.#editor.replace(this.#draft.source);
    this.#say(words);
  }
}

function problemOf(answer: Answer): Problem | null {
  if (answer.kind === "ran") return answer.result.problem;
  const { problem, tests } = answer.results;
  return problem ?? tests.find((test) => test.problem !== null)?.problem ?? null;
}

/** What a Check knows while it is at work. */
const unfinished = (exercise: string, tests: readonly TestResult[]): Results =>
  ({ schema: 1, exercise, passed: false, problem: null, tests, output: "" });

const onMac = (): boolean => /Mac|iPhone|iPad/.test(navigator.platform);

customElements.define("course-exercise", CourseExercise);
