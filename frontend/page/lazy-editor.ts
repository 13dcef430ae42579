/**
 * The code as plain text until the reader comes near, then the editor, in the same place and size.
 */

import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from "lit";
import { createRef, ref } from "lit/directives/ref.js";

import type { CodeEditor, EditorOptions } from "./editor";
import type { LineMarks } from "./marks";
import { button, numbered } from "./parts";
import { anotherTask } from "./turns";

type Host = ReactiveControllerHost & HTMLElement;

export class LazyEditor implements ReactiveController {
  #editor: CodeEditor | null = null;
  #loading = false;
  #failed = false;
  #marks: LineMarks = { problem: null, story: null };
  #near: IntersectionObserver | null = null;
  readonly #place = createRef<HTMLElement>();
  readonly #plain = createRef<HTMLElement>();

  /** `byItself`: opens when the reader comes near; a cell waits until it is edited. */
  constructor(
    readonly host: Host,
    readonly options: () => EditorOptions,
    readonly byItself = true,
  ) {
    host.addController(this);
  }

  hostConnected(): void {
    if (!this.byItself || this.#editor !== null) return;
    this.#near = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && void this.open(),
      { rootMargin: "600px" },
    );
    this.#near.observe(this.host);
  }

  hostDisconnected(): void {
    this.#near?.disconnect();
    this.close();
  }

  render(source: string): TemplateResult {
    return html`
      <div class="code">
        ${this.#editor !== null
          ? nothing
          : html`<pre class="plain" tabindex="0" aria-label=${this.options().label} ${ref(this.#plain)}
              @focus=${() => void this.open()}>${numbered(source)}</pre>`}
        <div class="editor" ${ref(this.#place)}></div>
      </div>
      ${this.#failed
        ? html`<div class="notice" role="status">
            <p>The editor could not be loaded: there is no connection, or the course was renewed since you opened this
            page.</p>
            <div class="actions">
              ${button("Try again", () => void this.open())} ${button("Reload the page", () => location.reload())}
            </div></div>`
        : nothing}
    `;
  }

  async open(): Promise<void> {
    if (this.#editor !== null || this.#loading) return;
    this.#near?.disconnect();
    this.#loading = true;
    try {
      const { openEditor } = await import("./editor");
      await anotherTask(); // loading and opening together would hold up the page
      const place = this.#place.value;
      if (place === undefined || !this.host.isConnected) return;
      const hadFocus = document.activeElement === this.#plain.value;
      this.#editor = openEditor(place, this.options());
      this.#editor.mark(this.#marks);
      if (hadFocus) this.#editor.focus();
      this.#failed = false;
    } catch {
      this.#failed = true;
    } finally {
      this.#loading = false;
      this.host.requestUpdate();
    }
  }

  replace(source: string): void {
    this.#editor?.replace(source);
  }

  mark(marks: LineMarks): void {
    this.#marks = marks;
    this.#editor?.mark(marks);
  }

  close(): void {
    this.#editor?.destroy();
    this.#editor = null;
  }

  focus(): void {
    this.#editor?.focus();
  }
}
