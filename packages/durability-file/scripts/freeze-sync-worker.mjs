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

/**
 * The module's code with the text in place.
 *
 * @param {string} code of the compiled module
 * @param {string} text what its `syncWorkerSource` answers
 */
export function frozen(code, text) {
  if (code.match(CALL)?.length !== 1)
    throw new Error("the module does not ask for the text of the worker exactly once");
  // A function, so that no "$" in the text means anything.
  return code.replace(CALL, () => `return ${JSON.stringify(text)};`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const file = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist", "sync-worker.js");
  const { syncWorkerSource } = await import(pathToFileURL(file).href);
  writeFileSync(file, frozen(readFileSync(file, "utf8"), syncWorkerSource()));
}
