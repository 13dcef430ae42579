/**
 * `<course-exercise>`: the static exercise of the page, come to life: editor, Run, Check, Stop and
 * Reset, hints, solution, and what Python answered.
 *
 * It lives in the light DOM, so that Material's own styles apply and its search finds the text.
 */

import { html, LitElement, nothing, type TemplateResult } from "lit";

import { compare } from "./compare";
import { download } from "./download";
import { Draft } from "./draft";
import { LazyEditor } from "./lazy-editor";
import { type NoticeActions, notices } from "./notices";
import { button } from "./parts";
import { python } from "./python";
import { resultsView, runView, type Shown } from "./results";
import { solutionView, type SolutionStage } from "./solution";
import { type StaticExercise, takeApart } from "./static";
import { statusLine } from "./status-line";
import { StoryLine } from "./story";
import { Task } from "./task";
import { announcement, capital, firstFailure } from "./wording";
import type { Problem, Results, RunResult } from "../messages";

type Answer =
  | { readonly kind: "checked"; readonly source: string; readonly results: Results }
  | { readonly kind: "ran"; readonly source: string; readonly result: RunResult };

const SAVE_AFTER_MS = 400;

export class CourseExercise extends LitElement {
  #parts!: StaticExercise;
  #draft!: Draft;
  #answer: Answer | null = null;
  #said = "";
  /** Why the last Check or Run gave no answer. */
  #ended = "";
  #storyLine: number | null = null;
  #solution: SolutionStage = "closed";
  #compared: { readonly title: string; readonly other: string } | null = null;
  #saveTimer = 0;
  readonly #folds = new Set<string>();
  readonly #task = new Task(this);
  readonly #editor = new LazyEditor(this, () => ({
    source: this.#draft.source,
    label: `Your code for ${this.#name}`,
    describedBy: this.#keysId,
    submitKeys: ["Mod-Enter"],
    onChange: (source) => this.#edited(source),
  }));

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    if (!this.hasUpdated) this.#takeOver();
    super.connectedCallback();
    addEventListener("storage", this.#heard);
    addEventListener("pagehide", this.#save);
    addEventListener("beforeunload", this.#warn);
    document.addEventListener("visibilitychange", this.#save);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#save();
    removeEventListener("storage", this.#heard);
    removeEventListener("pagehide", this.#save);
    removeEventListener("beforeunload", this.#warn);
    document.removeEventListener("visibilitychange", this.#save);
  }

  #takeOver(): void {
    this.#parts = takeApart(this);
    this.#draft = new Draft(this.#id, this.#parts.starter, () => localStorage);
    this.addEventListener(StoryLine.type, (event) => this.#point((event as StoryLine).line));
    this.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault(); // or the button that has the focus would be pressed too
      if (!event.repeat) this.#check();
    });
    for (const hint of this.#parts.hints) hint.addEventListener("toggle", () => this.requestUpdate());
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
      ${notices(this.#draft, this.#noticeActions)} ${this.#comparison()}
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
          ${button("Reset", () => this.#reset(), source === starter)}
          ${earlier === null
            ? nothing
            : button(earlier.replacedBy === "reset" ? "Undo reset" : "Undo switch", () => this.#bringBack())}
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
    const opened = hints.findLastIndex((hint) => hint.open) + 1;
    return html`<div class="hints">${hints.slice(0, opened + 1)}</div>`;
  }

  #comparison(): TemplateResult | typeof nothing {
    if (this.#compared === null) return nothing;
    const { title, other } = this.#compared;
    return html`<section class="comparison" aria-label="Comparison">
      ${compare(this.#draft.source, other, "your code", title)}
      ${button("Close the comparison", () => this.#compareWith(null))}
    </section>`;
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
      ? resultsView(this.#answer.results, shown)
      : runView(this.#answer.result, shown);
  }

  // What the reader does

  #check(): void {
    const { source } = this.#draft;
    void this.#ask("Checking", async () => {
      const results = await python.host.check(this.#id, source, (progress) => this.#task.progress(progress));
      this.#folds.clear();
      const failure = firstFailure(results);
      if (failure?.story) this.#folds.add(failure.name);
      this.#tell({ kind: "checked", source, results }, announcement(results));
    });
  }

  #run(): void {
    const { source } = this.#draft;
    void this.#ask("Running", async () => {
      const result = await python.host.run(this.#id, source);
      this.#folds.clear();
      this.#folds.add("output").add("run");
      this.#tell({ kind: "ran", source, result }, result.problem?.message ?? "The run is over.");
    });
  }

  async #ask(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#task.running) return;
    this.#save();
    this.#ended = "";
    this.#say(`${what}…`);
    const failure = await this.#task.run(what, work);
    if (failure !== null) this.#end(failure);
  }

  #end(failure: Error): void {
    const stopped = failure.name === "Stopped";
    this.#ended = stopped ? "Stopped. Your code is as it was." : failure.message;
    this.#say(this.#ended);
  }

  #reset(): void {
    this.#draft.reset();
    this.#replaced("Reset to the starter. Undo reset brings your code back.");
  }

  #bringBack(): void {
    this.#draft.bringBackEarlier();
    this.#replaced("Your earlier code is back.");
  }

  readonly #noticeActions: NoticeActions = {
    download: () => download(this.#fileName, this.#draft.source),
    downloadDamaged: () => download(`${this.#fileName}.saved.txt`, this.#draft.damaged ?? ""),
    forgetDamaged: () => {
      this.#draft.forgetDamaged();
      this.requestUpdate();
    },
    takeOther: () => {
      this.#draft.takeOther();
      this.#replaced("The other tab's version is here now.");
    },
    keepMine: () => {
      this.#draft.keepMine();
      this.#compareWith(null);
    },
    compareOther: () => this.#compareWith("the other tab", this.#draft.other),
    compareStarter: () => this.#compareWith("the new starter", this.#draft.starter),
    reset: () => this.#reset(),
    dismissStarter: () => {
      this.#draft.dismissStarter();
      this.#save();
      this.#compareWith(null);
    },
  };

  get #fileName(): string {
    return `${this.#id.split("/").at(-1) ?? "code"}.py`;
  }

  #compareWith(title: string | null, other: string | null = null): void {
    this.#compared = title === null || other === null ? null : { title, other };
    this.requestUpdate();
  }

  #fold(name: string): void {
    if (!this.#folds.delete(name)) this.#folds.add(name);
    this.requestUpdate();
  }

  // What follows from it

  #tell(answer: Answer, words: string): void {
    this.#answer = answer;
    this.#storyLine = null;
    this.#say(words);
    this.#mark();
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

  #edited(source: string): void {
    this.#draft.edit(source);
    clearTimeout(this.#saveTimer);
    this.#saveTimer = window.setTimeout(this.#save, SAVE_AFTER_MS);
    this.requestUpdate();
  }

  #replaced(words: string): void {
    this.#editor.replace(this.#draft.source);
    this.#compared = null;
    this.#save();
    this.#say(words);
  }

  readonly #save = (): void => {
    clearTimeout(this.#saveTimer);
    const before = this.#draft.trouble;
    const other = this.#draft.other;
    this.#draft.save();
    if (this.#draft.trouble !== before || this.#draft.other !== other) this.requestUpdate();
  };

  readonly #heard = (event: StorageEvent): void => {
    if (event.key !== this.#draft.key) return;
    this.#draft.hear(event.newValue);
    this.requestUpdate();
  };

  /** The browser asks before it closes the tab, if the tab is the only place where the code is. */
  readonly #warn = (event: BeforeUnloadEvent): void => {
    this.#draft.save();
    if (this.#draft.unsaved) event.preventDefault();
  };
}

function problemOf(answer: Answer): Problem | null {
  if (answer.kind === "ran") return answer.result.problem;
  const { problem, tests } = answer.results;
  return problem ?? tests.find((test) => test.problem !== null)?.problem ?? null;
}

const onMac = (): boolean => /Mac|iPhone|iPad/.test(navigator.platform);

customElements.define("course-exercise", CourseExercise);
