/** The one Python of this page, and the page's only way to it. */

import type { CellResult, Progress, Results, RunResult } from "../messages";
import type { Status } from "../runtime/runtime";

/** What the elements need of a runtime: `Runtime` offers it, and so does a test's stand-in. */
export interface Host {
  readonly status: Status;
  onstatus: ((status: Status) => void) | null;
  prepare(): Promise<void>;
  check(exercise: string, source: string, onProgress: (progress: Progress) => void): Promise<Results>;
  run(exercise: string, source: string): Promise<RunResult>;
  runCell(source: string): Promise<CellResult>;
  stop(): void;
}
