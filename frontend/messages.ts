/** The types that cross from Python to the page, and the messages between the page and its worker. */

export interface Problem {
  readonly kind: "syntax" | "missing" | "signature" | "refused" | "crashed" | "endless" | "memory" | "output" | "exit";
  readonly line: number | null;
  readonly message: string;
  readonly advice: string;
}
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}
export interface LogRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}
export interface State {
  readonly tables: Readonly<Record<string, Table>>;
  readonly logs: Readonly<Record<string, readonly LogRecord[]>>;
  readonly committed: Readonly<Record<string, number | null>>;
}
export interface StoryEvent {
  readonly step: number;
  readonly time_ms: number;
  readonly process: string;
  readonly kind: string;
  readonly line: number | null;
  readonly text: string;
  readonly state: State;
}
/** The diagram `svg` shows the events whose indexes are `told`; `whole` shows all, if those are more. */
export interface Story {
  readonly svg: string;
  readonly whole: string | null;
  readonly told: readonly number[];
  readonly text: readonly string[];
  readonly events: readonly StoryEvent[];
  readonly token: string | null;
}
export interface Schedules {
  readonly run: number;
  readonly covered: number;
  readonly exhausted: boolean;
  readonly faults: number;
}
export interface TestResult {
  readonly name: string;
  readonly title: string;
  readonly outcome: "passed" | "failed" | "error";
  readonly schedules: Schedules | null;
  readonly anomaly: string | null;
  readonly sentence: string | null;
  readonly token: string | null;
  readonly problem: Problem | null;
  readonly story: Story | null;
}
export interface Results {
  readonly schema: 1;
  readonly exercise: string;
  readonly passed: boolean;
  readonly problem: Problem | null;
  readonly tests: readonly TestResult[];
  readonly output: string;
}
export interface RunResult {
  readonly problem: Problem | null;
  readonly output: string;
  readonly story: Story | null;
}
export interface Output {
  readonly mime: "text/plain" | "text/html" | "image/svg+xml";
  readonly data: string;
}
export interface CellResult {
  readonly problem: Problem | null;
  readonly outputs: readonly Output[];
}
export interface Progress {
  /** The test that starts. */
  readonly test: string;
  readonly index: number;
  readonly of: number;
  /** What came of the one before it. */
  readonly ended: TestResult | null;
}

/** What the page asks of its worker; one at a time. */
export type Request =
  | { readonly kind: "check"; readonly exercise: string; readonly source: string }
  | { readonly kind: "run"; readonly exercise: string; readonly source: string }
  /** `schedule` is for a play at the end of the cell; empty: as the cell says. */
  | { readonly kind: "cell"; readonly source: string; readonly schedule: string };

/**
 * What the worker tells the page. `alive` comes about once a second while Python computes; `result` is JSON of
 * Python's; `died` means that this worker is of no more use, and its message says what to do.
 */
export type Told =
  | { readonly kind: "starting"; readonly progress: number }
  | { readonly kind: "ready" }
  | { readonly kind: "alive" }
  | { readonly kind: "progress"; readonly progress: Progress }
  | { readonly kind: "result"; readonly json: string }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "died"; readonly message: string };

/** From the page to the service worker: what to have ready when there is no connection. */
export interface Keep {
  readonly urls: readonly string[];
}
