#!/usr/bin/env node
/**
 * Writes the text of the worker's program into `dist/sync-worker.js`, in place of the call that asks the function for it.
 * A bundler may rename what is outside a function and mention it inside (esbuild does, with `minify` and `keepNames`
 * together); in a text it can change nothing.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const CALL = /return `.*\(\$\{syncWorker\.toString\(\)\}\)\(\);`;/g;

const file = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist", "sync-worker.js");
const code = readFileSync(file, "utf8");
if (code.match(CALL)?.length !== 1) throw new Error(`${file} does not ask for the text of the worker exactly once`);
const { syncWorkerSource } = await import(pathToFileURL(file).href);
const text = JSON.stringify(syncWorkerSource());
// A function, so that no "$" in the text means anything.
writeFileSync(
  file,
  code.replace(CALL, () => `return ${text};`),
);
