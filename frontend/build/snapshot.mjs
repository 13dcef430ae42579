/**
 * `node --import tsx frontend/build/snapshot.mjs ASSETS OUT`: starts Python as the page does, warms it up, and
 * writes into OUT what a worker can begin with: its `memory`, and the `files` that it was read from.
 */

import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { startPlainly } from "../worker/start.ts";

const [assets, out] = process.argv.slice(2);
const base = `${resolve(assets)}/`;
const manifest = JSON.parse(await readFile(`${base}manifest.json`, "utf-8"));
const read = async (name) => new Uint8Array(await readFile(base + name)).buffer;
const place = { base, manifest, read, starting: () => undefined, hear: console.error };

const pyodide = await startPlainly(place, { _makeSnapshot: true });
// Pyodide takes snapshots only where no package was loaded; the packages' files come with ours.
for (const name of Object.keys(pyodide.loadedPackages)) delete pyodide.loadedPackages[name];
const loaded = pyodide.runPython(`
import course.browser, gc, importlib, linecache, sys

course.browser.warm_up()
linecache.clearcache()
importlib.invalidate_caches()  # among them is an open file, which a snapshot cannot have
gc.collect()
gc.freeze()  # what is here stays: no collection has to look at it again
[getattr(module, "__file__", None) for module in sys.modules.values()]
`).toJs();
scrub(pyodide._module);
await writeFile(`${out}/memory`, pyodide.makeMemorySnapshot());

const unused = (path) => path.includes("/pygments/") && !loaded.includes(path);
const sitePackages = loaded.find((path) => path?.endsWith("/pytest/__init__.py")).replace("/pytest/__init__.py", "");
const kept = files([sitePackages, manifest.env.COURSE_ROOT]).filter((path) => !unused(path));
await writeFile(`${out}/files`, join(kept));

/** The paths of all files below the folders. */
function files(folders) {
  return folders.flatMap((folder) =>
    pyodide.FS.readdir(folder)
      .filter((name) => name !== "." && name !== "..")
      .map((name) => `${folder}/${name}`)
      .flatMap((path) => (pyodide.FS.isDir(pyodide.FS.stat(path).mode) ? files([path]) : [path])),
  );
}

/** One line of JSON with the length of each file, then their bytes. */
function join(paths) {
  const contents = paths.map((path) => pyodide.FS.readFile(path));
  const lengths = Object.fromEntries(paths.map((path, i) => [path, contents[i].length]));
  return Buffer.concat([Buffer.from(`${JSON.stringify(lengths)}\n`), ...contents]);
}

/** Overwrites what is free with zeros, of which the compressed snapshot takes no notice. */
function scrub(module) {
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = () => {
    throw new RangeError("All that is free has been taken.");
  };
  const taken = [];
  for (let size = 1 << 24; size >= 64; size >>= 1) {
    for (let at = module._malloc(size); at !== 0; at = module._malloc(size)) {
      module.HEAPU8.fill(0, at, at + size);
      taken.push(at);
    }
  }
  WebAssembly.Memory.prototype.grow = grow;
  for (const at of taken) module._free(at);
}
