/** Hosts Python: starts Pyodide from our own origin and answers one request after the other. */

import type { PyodideInterface } from "pyodide";
import type { Progress, Request, Told } from "../messages";
import { fetched, unpack } from "./fetching";
import { manageMemory } from "./memory";
import { type Manifest, type Place, type Snapshot, startFromSnapshot, startPlainly } from "./start";

const scope = globalThis as unknown as {
  postMessage(told: Told): void;
  onmessage: ((event: { data: Request }) => void) | null;
};
const base = new URL("./", import.meta.url).href;
const tell = (told: Told): void => scope.postMessage(told);
const starting = (progress: number): void => tell({ kind: "starting", progress });

async function start(): Promise<PyodideInterface> {
  // The manifest's name is always the same: the browser has to ask whether there is another.
  const manifest = (await (await fetched(`${base}manifest.json`, { cache: "no-cache" })).json()) as Manifest;
  const read = async (name: string): Promise<ArrayBuffer> => (await fetched(base + name)).arrayBuffer();
  const place: Place = { base, manifest, read, starting };
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

/** The snapshot is unpacked while the browser compiles Pyodide. */
function restore(place: Place, { memory, files }: Snapshot): Promise<PyodideInterface> {
  const into = new Uint8Array(memory.bytes);
  const unpacked = unpack(base, memory, into, (part) => starting(part * 0.8));
  const texts = unpack(base, files, new Uint8Array(files.bytes));
  const failure = manageMemory(memory.bytes, unpacked);
  return Promise.race([startFromSnapshot(place, into, texts), failure]);
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
      return python.run_cell(request.source) as string;
  }
}

/** An exception of Python's is a failure of this request; any other means that the runtime is broken. */
function failed(error: unknown): Told {
  const python = error instanceof Error && error.name === "PythonError";
  return { kind: python ? "failed" : "died", message: String(error) };
}

try {
  const pyodide = await start();
  scope.onmessage = ({ data }) => {
    try {
      tell({ kind: "result", json: answer(pyodide, data) });
    } catch (error) {
      tell(failed(error));
    }
  };
  tell({ kind: "ready" });
} catch (error) {
  tell({ kind: "died", message: String(error) });
}
