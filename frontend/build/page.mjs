/** Makes docs/assets/course/page.js with its lazy chunks, page.css and worker.js, and docs/service-worker.js, whose place is its scope. */

import { copyFile } from "node:fs/promises";
import { build } from "esbuild";

const common = { bundle: true, format: "esm", minify: true, target: "es2022", outdir: "docs/assets/course" };
await build({ ...common, entryPoints: { page: "frontend/page/index.ts" }, splitting: true });
await build({ ...common, entryPoints: { worker: "frontend/worker/worker.ts" } });
await build({ ...common, entryPoints: { "service-worker": "frontend/offline/service-worker.ts" }, outdir: "docs" });
await copyFile("frontend/page/page.css", "docs/assets/course/page.css");
