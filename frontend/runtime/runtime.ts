/**
 * The page's Python: one worker at work and a warm spare.
 *
 * Nothing is loaded before `prepare`. A stopped or dead worker is terminated, and the spare takes over.
 */

import type { CellResult, Progress, Request, Results, RunResult, Told } from "../messages";

export type Status =
  | { phase: "idle" }
  | { phase: "starting"; progress: number | null }
  | { phase: "ready" }
  | { phase: "failed"; message: string };

/** The spare's start would slow down what the reader has asked for: the first Check is over by then. */
const SPARE_AFTER_MS = 3000;

export class Stopped extends Error {
  override name = "Stopped";
}

interface Job {
  readonly onProgress: (progress: Progress) => void;
  readonly resolve: (json: string) => void;
  readonly reject: (error: Error) => void;
}

/** One worker: ready when `ready` resolves, and able to do one job at a time. */
class Hand {
  readonly ready: Promise<void>;
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  #job: Job | null = null;

  constructor(onProgress: (progress: number) => void) {
    this.ready = new Promise((resolve, reject) => {
      this.#worker.onerror = (event) => reject(new Error(event.message || "The worker could not be loaded."));
      this.#worker.onmessage = ({ data }: MessageEvent<Told>) => {
        if (data.kind === "starting") onProgress(data.progress);
        else if (data.kind === "ready") resolve();
        else if (data.kind === "died") {
          reject(new Error(data.message));
          this.#end(new Error(data.message));
        } else this.#hear(data);
      };
    });
    this.ready.catch(() => undefined);
  }

  do(request: Request, onProgress: (progress: Progress) => void): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#job = { onProgress, resolve, reject };
      this.#worker.postMessage(request);
    });
  }

  terminate(error: Error): void {
    this.#worker.terminate();
    this.#end(error);
  }

  #hear(told: Told): void {
    if (told.kind === "progress") this.#job?.onProgress(told.progress);
    else if (told.kind === "result") this.#job?.resolve(told.json);
    else if (told.kind === "failed") this.#end(new Error(told.message));
  }

  #end(error: Error): void {
    this.#job?.reject(error);
    this.#job = null;
  }
}

export class Runtime {
  status: Status = { phase: "idle" };
  onstatus: ((status: Status) => void) | null = null;
  #hand: Hand | null = null;
  #spare: Hand | null = null;

  async prepare(): Promise<void> {
    const hand = (this.#hand ??= this.#take());
    try {
      await hand.ready;
    } catch (error) {
      if (hand === this.#hand) {
        this.#hand = null;
        this.#set({ phase: "failed", message: error instanceof Error ? error.message : String(error) });
      }
      throw error;
    }
    if (hand !== this.#hand) return;
    this.#set({ phase: "ready" });
    setTimeout(() => (this.#spare ??= new Hand(() => undefined)), SPARE_AFTER_MS);
  }

  async check(exercise: string, source: string, onProgress: (progress: Progress) => void): Promise<Results> {
    return (await this.#do({ kind: "check", exercise, source }, onProgress)) as Results;
  }

  async run(exercise: string, source: string): Promise<RunResult> {
    return (await this.#do({ kind: "run", exercise, source })) as RunResult;
  }

  async runCell(source: string): Promise<CellResult> {
    return (await this.#do({ kind: "cell", source })) as CellResult;
  }

  stop(): void {
    this.#replace(new Stopped("Stopped."));
  }

  async #do(request: Request, onProgress: (progress: Progress) => void = () => undefined): Promise<unknown> {
    await this.prepare();
    const hand = this.#hand;
    if (hand === null) throw new Stopped("Stopped.");
    try {
      return JSON.parse(await hand.do(request, onProgress)) as unknown;
    } catch (error) {
      const dead = error instanceof Error && !(error instanceof Stopped) && !error.message.startsWith("PythonError");
      if (dead && hand === this.#hand) this.#replace(new Error("Python broke down and was started again."));
      throw error;
    }
  }

  #replace(error: Error): void {
    this.#hand?.terminate(error);
    this.#hand = null;
    this.prepare().catch(() => undefined);
  }

  #take(): Hand {
    this.#set({ phase: "starting", progress: null });
    const hand = this.#spare ?? new Hand((progress) => this.#set({ phase: "starting", progress }));
    this.#spare = null;
    return hand;
  }

  #set(status: Status): void {
    this.status = status;
    this.onstatus?.(status);
  }
}
