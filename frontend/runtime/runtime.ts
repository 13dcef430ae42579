/**
 * The page's Python: one worker at work and a warm spare.
 *
 * Nothing is loaded before `prepare`. A stopped, dead or bloated worker is terminated, and the spare takes over.
 */

import type { CellResult, Progress, Request, Results, RunResult } from "../messages";
import { Died, Hand } from "./hand";

export type Status =
  | { phase: "idle" }
  | { phase: "starting"; progress: number | null }
  | { phase: "ready" }
  /** At work, without a sign of life for ten seconds. */
  | { phase: "silent" }
  | { phase: "failed"; message: string };

export class Stopped extends Error {
  override name = "Stopped";
}

/** The spare's start would slow down what the reader has asked for: the first Check is over by then. */
const SPARE_AFTER_MS = 3000;

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
    if (hand !== this.#hand || this.status.phase !== "starting") return;
    this.#set({ phase: "ready" });
    setTimeout(() => this.#prepareSpare(), SPARE_AFTER_MS);
  }

  async check(exercise: string, source: string, onProgress: (progress: Progress) => void): Promise<Results> {
    return this.#do<Results>({ kind: "check", exercise, source }, onProgress);
  }

  async run(exercise: string, source: string): Promise<RunResult> {
    return this.#do<RunResult>({ kind: "run", exercise, source });
  }

  async runCell(source: string, schedule: string): Promise<CellResult> {
    return this.#do<CellResult>({ kind: "cell", source, schedule });
  }

  stop(): void {
    this.#replace(new Stopped("Stopped."));
  }

  async #do<Result extends Pick<RunResult, "problem">>(
    request: Request,
    onProgress: (progress: Progress) => void = () => undefined,
  ): Promise<Result> {
    await this.prepare();
    const hand = this.#hand;
    if (hand === null) throw new Stopped("Stopped.");
    const onSilence = (silent: boolean): void => this.#set({ phase: silent ? "silent" : "ready" });
    try {
      const result = JSON.parse(await hand.do(request, { onProgress, onSilence })) as Result;
      // WebAssembly never gives memory back.
      if (result.problem?.kind === "memory") this.#replace(new Stopped("Stopped."));
      return result;
    } catch (error) {
      if (error instanceof Died && hand === this.#hand) this.#replace(error);
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
    const spare = this.#spare?.isDead ? null : this.#spare;
    const hand: Hand = spare ?? new Hand((progress) => this.#starting(hand, progress));
    this.#spare = null;
    return hand;
  }

  #prepareSpare(): void {
    if (this.#spare !== null) return;
    const spare = (this.#spare = new Hand(() => undefined));
    spare.ready.catch(() => {
      if (spare === this.#spare) this.#spare = null;
    });
  }

  #starting(hand: Hand, progress: number): void {
    if (hand === this.#hand) this.#set({ phase: "starting", progress });
  }

  #set(status: Status): void {
    this.status = status;
    this.onstatus?.(status);
  }
}
