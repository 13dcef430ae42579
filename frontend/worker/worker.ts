/** Hosts Python: starts Pyodide from our own origin and answers one request after the other. */

import type { PyodideInterface } from "pyodide";
import type { Progress, Request, Told } from "../messages";

interface Manifest {
  readonly lock: string;
  readonly wheels: readonly string[];
  readonly data: string;
}

const scope = globalThis as unknown as {
  postMessage(told: Told): void;
  onmessage: ((event: { data: Request }) => void) | null;
};
const base = new URL("./", import.meta.url).href;
const tell = (told: Told): void => scope.postMessage(told);

async function fetched(name: string): Promise<Response> {
  const response = await fetch(base + name);
  if (!response.ok) throw new Error(`${name} could not be loaded (${response.status}). Reload the page to try again.`);
  return response;
}

async function start(): Promise<PyodideInterface> {
  tell({ kind: "starting", progress: 0.1 });
  const manifest = (await (await fetched("manifest.json")).json()) as Manifest;
  const { loadPyodide } = (await import(`${base}pyodide/pyodide.mjs`)) as typeof import("pyodide");
  const pyodide = await loadPyodide({
    indexURL: `${base}pyodide/`,
    lockFileURL: base + manifest.lock,
    packageBaseUrl: `${base}wheels/`,
    env: { COURSE_ROOT: "/course" },
  });
  tell({ kind: "starting", progress: 0.5 });
  await pyodide.loadPackage([...manifest.wheels], { messageCallback: () => undefined });
  pyodide.FS.mkdirTree("/course");
  pyodide.unpackArchive(await (await fetched(manifest.data)).arrayBuffer(), "zip", { extractDir: "/course" });
  tell({ kind: "starting", progress: 0.8 });
  pyodide.runPython("import course.browser");
  return pyodide;
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
