#!/usr/bin/env node
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { checkLayers } from "./check-layers.mjs";
import { layers } from "./layers.mjs";

const rootDir = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const violations = checkLayers(rootDir, layers);
for (const { file, line, message } of violations) console.error(`${file}:${line}  ${message}`);
if (violations.length > 0) {
  console.error(`${violations.length} violations of the layers; see tools/check-layers/README.md`);
  process.exitCode = 1;
}
