/**
 * The two starts of Python: from the snapshot of a warm one, and plainly from its parts.
 *
 * The plain start is also what the snapshot is taken of, when the site is built (frontend/build/snapshot.ts).
 */

import type { loadPyodide, PyodideInterface } from "pyodide";

/** `manifest.json`: names below assets/course/. The snapshot's files carry their hash in the name. */
export interface Manifest {
  readonly pyodide: string;
  readonly lock: string;
  readonly wheelhouse: string;
  readonly wheels: readonly string[];
  readonly data: string;
  readonly env: Readonly<Record<string, string>>;
  readonly snapshot: Snapshot | null;
}
export interface Snapshot {
  readonly memory: Packed;
  readonly files: Packed;
}
/** A gzip-compressed asset and its size when it is unpacked. */
export interface Packed {
  readonly name: string;
  readonly bytes: number;
}

type Options = NonNullable<Parameters<typeof loadPyodide>[0]>;

/** Where the assets are. */
export interface Place {
  /** A URL, or in Node a path. */
  readonly base: string;
  readonly manifest: Manifest;
  read(name: string): Promise<ArrayBuffer>;
  starting(progress: number): void;
  /** Hears what Python writes to its standard output and error, line by line. */
  hear(line: string): void;
}

export async function startPlainly(place: Place, options: Options = {}): Promise<PyodideInterface> {
  const { manifest, base } = place;
  place.starting(0.1);
  const pyodide = await load(place, {
    lockFileURL: base + manifest.lock,
    packageBaseUrl: base + manifest.wheelhouse,
    env: { ...manifest.env },
    ...options,
  });
  place.starting(0.5);
  await pyodide.loadPackage([...manifest.wheels], { messageCallback: () => undefined });
  pyodide.unpackArchive(await place.read(manifest.data), "zip", { extractDir: "/" });
  place.starting(0.8);
  pyodide.runPython("import course.browser");
  return pyodide;
}

/** A snapshot has no file system: its files are put back beside it. */
export async function startFromSnapshot(
  place: Place,
  memory: Uint8Array,
  files: Promise<Uint8Array>,
): Promise<PyodideInterface> {
  const pyodide = await load(place, { lockFileURL: place.base + place.manifest.lock, _loadSnapshot: memory });
  putBack(pyodide, await files);
  // The import system remembers which folders there were when the snapshot was taken.
  pyodide.runPython("import importlib; importlib.invalidate_caches()");
  return pyodide;
}

/** The files are one line of JSON with the length of each, then their bytes. */
function putBack({ FS }: PyodideInterface, files: Uint8Array): void {
  const line = files.indexOf("\n".charCodeAt(0));
  const lengths = JSON.parse(new TextDecoder().decode(files.subarray(0, line))) as Record<string, number>;
  let at = line + 1;
  let made = "";
  for (const [path, length] of Object.entries(lengths)) {
    const folder = path.slice(0, path.lastIndexOf("/"));
    if (folder !== made) FS.mkdirTree((made = folder));
    FS.writeFile(path, files.subarray(at, (at += length)), { canOwn: true });
  }
}

async function load(place: Place, options: Options): Promise<PyodideInterface> {
  const { loadPyodide } = await pyodideOf(place);
  return loadPyodide({ indexURL: place.base + place.manifest.pyodide, stdout: place.hear, stderr: place.hear, ...options });
}

/** Pyodide's two modules, of which it would load the second itself. */
export async function pyodideOf({ base, manifest }: Place): Promise<typeof import("pyodide")> {
  const module = (name: string): Promise<unknown> => import(base + manifest.pyodide + name);
  const [pyodide] = await Promise.all([module("pyodide.mjs"), module("pyodide.asm.mjs")]);
  return pyodide as typeof import("pyodide");
}
