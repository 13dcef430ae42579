/** One worker with Python in it. It does one job at a time, and never another after it has died. */

import type { Progress, Request, Told } from "../messages";

/** The worker is of no more use. The message says why, and what to do. */
export class Died extends Error {
  override name = "Died";
}

export interface Listener {
  onProgress(progress: Progress): void;
  /** Called when Python has given no sign of life for SILENCE_MS, and again when it has given one. */
  onSilence(silent: boolean): void;
}

interface Job {
  readonly listener: Listener;
  readonly resolve: (json: string) => void;
  readonly reject: (error: Error) => void;
  readonly watch: number;
}

const SILENCE_MS = 10_000;

export class Hand {
  /** Resolves when Python has started. */
  readonly ready: Promise<void>;
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  #job: Job | null = null;
  #lastSign = 0;
  #silent = false;
  #dead: Error | null = null;
  #end!: (error: Error) => void;

  constructor(onStarting: (progress: number) => void) {
    this.ready = new Promise((resolve, reject) => {
      this.#end = (error) => {
        this.#dead = error;
        this.#worker.terminate();
        reject(error);
        this.#finish()?.reject(error);
      };
      this.#worker.onerror = (event) => this.#end(new Died(event.message || "The worker could not be loaded."));
      this.#worker.onmessage = ({ data }: MessageEvent<Told>) => {
        if (data.kind === "starting") onStarting(data.progress);
        else if (data.kind === "ready") resolve();
        else this.#hear(data);
      };
    });
    this.ready.catch(() => undefined);
  }

  get isDead(): boolean {
    return this.#dead !== null;
  }

  do(request: Request, listener: Listener): Promise<string> {
    if (this.#dead !== null) return Promise.reject(this.#dead);
    this.#sign();
    return new Promise((resolve, reject) => {
      const watch = window.setInterval(() => this.#listen(), 1000);
      this.#job = { listener, resolve, reject, watch };
      this.#worker.postMessage(request);
    });
  }

  terminate(error: Error): void {
    this.#end(error);
  }

  #hear(told: Exclude<Told, { kind: "starting" | "ready" }>): void {
    this.#sign();
    if (told.kind === "progress") this.#job?.listener.onProgress(told.progress);
    else if (told.kind === "result") this.#finish()?.resolve(told.json);
    else if (told.kind === "failed") this.#finish()?.reject(new Error(told.message));
    else if (told.kind === "died") this.#end(new Died(told.message));
  }

  #sign(): void {
    this.#lastSign = performance.now();
    this.#listen();
  }

  #listen(): void {
    const silent = performance.now() - this.#lastSign >= SILENCE_MS;
    if (silent === this.#silent) return;
    this.#silent = silent;
    this.#job?.listener.onSilence(silent);
  }

  #finish(): Job | null {
    const job = this.#job;
    if (job !== null) clearInterval(job.watch);
    this.#job = null;
    return job;
  }
}
