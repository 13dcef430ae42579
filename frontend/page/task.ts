/** One piece of work that an element asked Python for. There is one at a time on a page, and it can be stopped. */

import { html, nothing, type ReactiveController, type ReactiveControllerHost, type TemplateResult } from "lit";

import type { Progress } from "../messages";
import { python } from "./python";
import { elapsed, progressLine } from "./wording";

type Host = ReactiveControllerHost & HTMLElement;

let busy = false;

const INTENTS = ["focusin", "pointerdown", "click", "keydown"] as const;

export class Task implements ReactiveController {
  running = false;
  /** Whether the reader has shown any intent here: then Python starts, and its status is shown. */
  wanted = false;
  #what = "";
  #since = 0;
  #ticker = 0;
  #progress: Progress | null = null;

  constructor(readonly host: Host) {
    host.addController(this);
    for (const intent of INTENTS) host.addEventListener(intent, this.#prepare, { passive: true });
  }

  hostConnected(): void {
    python.addEventListener("status", this.#update);
  }

  hostDisconnected(): void {
    python.removeEventListener("status", this.#update);
    clearInterval(this.#ticker);
  }

  /** Does the work; answers why it did not end well, or null. */
  async run(what: string, work: () => Promise<void>): Promise<Error | null> {
    if (busy) return new Error("Python is busy with another run on this page. Stop that first.");
    this.#begin(what);
    try {
      await work();
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    } finally {
      this.#end();
    }
  }

  stop(): void {
    if (this.running) python.stop();
  }

  progress(progress: Progress): void {
    this.#progress = progress;
    this.host.requestUpdate();
  }

  /** Nothing while Python still starts: the status line speaks of that. */
  render(): TemplateResult | typeof nothing {
    if (!this.running || python.status.phase === "starting") return nothing;
    const progress = this.#progress;
    const passed = performance.now() - this.#since;
    return html`
      <div class="progress">
        <progress max=${progress?.of ?? nothing} value=${progress?.index ?? nothing} aria-label=${this.#what}></progress>
        <span>${progress === null ? `${this.#what}…` : progressLine(progress)}</span>
        ${passed < 1000 ? nothing : html`<span class="elapsed">${elapsed(passed)}</span>`}
      </div>`;
  }

  #begin(what: string): void {
    busy = true;
    this.running = true;
    this.#what = what;
    this.#progress = null;
    this.#since = performance.now();
    this.#ticker = window.setInterval(this.#update, 500);
    this.host.requestUpdate();
  }

  #end(): void {
    busy = false;
    this.running = false;
    clearInterval(this.#ticker);
    this.host.requestUpdate();
  }

  readonly #update = (): void => this.host.requestUpdate();

  readonly #prepare = (event: Event): void => {
    const mayScroll = event instanceof PointerEvent && event.type === "pointerdown" && event.pointerType === "touch";
    if (this.wanted || mayScroll) return;
    this.wanted = true;
    python.host.prepare().catch(() => {}); // the status line tells it
    this.host.requestUpdate();
  };
}
