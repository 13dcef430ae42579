/** Hosts Python: starts Pyodide from our own origin and answers one request after the other. */

import type { PyodideInterface } from "pyodide";
import type { Progress, Request, Told } from "../messages";
import { fetched, unpack } from "./fetching";
import { manageMemory } from "./memory";
import { type Manifest, type Place, type Snapshot, pyodideOf, startFromSnapshot, startPlainly } from "./start";

const scope = globalThis as unknown as {
  postMessage(told: Told): void;
  onmessage: ((event: { data: Request }) => void) | null;
};
const base = new URL("./", import.meta.url).href;
const tell = (told: Told): void => scope.postMessage(told);
/** The last lines that Python has said to nobody; the browser's console has them too. */
const said: string[] = [];
const MOST_SAID = 200;
const LEARNERS_LINE = /^ {2}File "[^/]+", line (\d+)/;
/** Each step of the start is told once: an asset comes in hundreds of pieces. */
let told = 0;
const starting = (progress: number): void => {
  if (progress < told + 0.05) return;
  told = progress;
  tell({ kind: "starting", progress });
};

async function start(): Promise<PyodideInterface> {
  // The manifest's name is always the same: the browser has to ask whether there is another.
  const manifest = (await (await fetched(`${base}manifest.json`, { cache: "no-cache" })).json()) as Manifest;
  const read = async (name: string): Promise<ArrayBuffer> => (await fetched(base + name)).arrayBuffer();
  const place: Place = { base, manifest, read, starting, hear };
  if (manifest.snapshot !== null) {
    try {
      return await restore(place, manifest.snapshot);
    } catch (error) {
      console.warn("Python's snapshot cannot be used; it starts without.", error);
    }
  }
  const failure = manageMemory(0, Promise.resolve());
  return Promise.race([startPlainly(place), failure]);
}

/** The snapshot is unpacked while the browser compiles Pyodide, whose modules come first: unpacking keeps this thread. */
async function restore(place: Place, { memory, files }: Snapshot): Promise<PyodideInterface> {
  await pyodideOf(place);
  const into = new Uint8Array(memory.bytes);
  const unpacked = unpack(base, memory, into, (part) => starting(part * 0.8));
  const texts = unpack(base, files, new Uint8Array(files.bytes));
  const failure = manageMemory(memory.bytes, unpacked);
  return Promise.race([startFromSnapshot(place, into, texts), failure]);
}

function hear(line: string): void {
  console.info(line);
  said.push(line);
  if (said.length > MOST_SAID) said.shift();
}

function answer(pyodide: PyodideInterface, request: Request): string {
  const python = pyodide.pyimport("course.browser");
  switch (request.kind) {
    case "check": {
      const report = (json: string): void => tell({ kind: "progress", progress: JSON.parse(json) as Progress });
      return python.check(request.exercise, request.source, report) as string;
    }
    case "run":
      return python.run(request.exercise, request.source) as string;
    case "cell":
      return python.run_cell(request.source, request.schedule) as string;
  }
}

/** Pyodide looks into this every few instructions, in case it should stop. So we hear that it goes on. */
function pulse(): Uint8Array {
  let next = 0;
  const buffer = {
    get 0(): number {
      const now = performance.now();
      if (now >= next) {
        next = now + 1000;
        tell({ kind: "alive" });
      }
      return 0; // no signal
    },
    set 0(_: number) {},
  };
  return buffer as unknown as Uint8Array;
}

/** An exception of Python's is a failure of this request; any other means that the runtime is broken. */
function failed(error: unknown): Told {
  const python = error instanceof Error && error.name === "PythonError";
  return python ? { kind: "failed", message: String(error) } : { kind: "died", message: reason(error) };
}

/** What to tell of an error that has broken the runtime. Pyodide has then printed Python's stack, innermost call first. */
function reason(error: unknown): string {
  const text = String(error);
  const line = said.map((heard) => LEARNERS_LINE.exec(heard)?.[1]).find((found) => found !== undefined);
  const where = line === undefined ? "" : `Line ${line}: `;
  const what = /call stack/i.test(text)
    ? "the code calls itself, or nests its values, too deeply for the browser. Give the recursion an end, or use a loop."
    : `Python broke down (${text}). If it happens again, take away what you wrote last.`;
  return `${where}${where === "" ? capital(what) : what} A fresh Python takes over.`;
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1);

try {
  const pyodide = await start();
  pyodide.setInterruptBuffer(pulse());
  scope.onmessage = ({ data }) => {
    try {
      tell({ kind: "result", json: answer(pyodide, data) });
    } catch (error) {
      tell(failed(error));
    }
  };
  tell({ kind: "ready" });
} catch (error) {
  tell({ kind: "died", message: error instanceof Error ? error.message : String(error) });
}
