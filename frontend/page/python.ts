/** The one Python of this page, and the page's only way to it. */

import type { CellResult, Problem, Progress, Results, RunResult } from "../messages";
import type { Status } from "../runtime/runtime";

/** What the page needs of a runtime: `Runtime` offers it, and so does a test's stand-in. */
export interface Host {
  readonly status: Status;
  onstatus: ((status: Status) => void) | null;
  prepare(): Promise<void>;
  check(exercise: string, source: string, onProgress: (progress: Progress) => void): Promise<Results>;
  run(exercise: string, source: string): Promise<RunResult>;
  runCell(source: string, schedule: string): Promise<CellResult>;
  stop(): void;
}

/** Problems after which a fresh interpreter takes over. */
const ENDS_PYTHON: ReadonlySet<Problem["kind"]> = new Set<Problem["kind"]>(["endless", "memory"]);

/** Tells the elements with a `status` event that the runtime's status has changed. */
class Python extends EventTarget {
  #host: Host | null = null;
  /** Another number whenever a fresh interpreter took over, and what cells defined is gone. */
  generation = 0;

  provide(host: Host): void {
    this.#host = host;
    host.onstatus = () => {
      if (host.status.phase === "starting") this.generation += 1;
      this.dispatchEvent(new Event("status"));
    };
  }

  get status(): Status {
    return this.#host?.status ?? { phase: "idle" };
  }

  /** The spare that takes over knows nothing of the cells. */
  stop(): void {
    this.generation += 1;
    this.host.stop();
  }

  async runCell(source: string, schedule: string): Promise<CellResult> {
    const result = await this.host.runCell(source, schedule);
    if (result.problem !== null && ENDS_PYTHON.has(result.problem.kind)) this.generation += 1;
    return result;
  }

  get host(): Host {
    if (this.#host === null) throw new Error("This page has no Python.");
    return this.#host;
  }
}

export const python = new Python();
