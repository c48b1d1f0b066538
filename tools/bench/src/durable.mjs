#!/usr/bin/env -S node --expose-gc
/**
 * What databases on disk cost: opening, replay, forks, checkpoints, room. `--quick` takes a tenth of the data; words choose measures by name;
 * `--passes=<n>` takes fewer or more of them than usual; `--keep=<directory>` keeps the data sets there for the next time. Needs
 * `node --expose-gc` for figures of memory.
 */
import { mkdtempSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { checkpointMeasures } from "./checkpoint-measures.mjs";
import { DataSets } from "./data-sets.mjs";
import { forkMeasures } from "./fork-measures.mjs";
import { openMeasures } from "./open-measures.mjs";

const flags = process.argv.slice(2).filter((word) => word.startsWith("--"));
const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const scale = flags.includes("--quick") ? 0.1 : 1;
const kept = flags.find((flag) => flag.startsWith("--keep="))?.slice("--keep=".length);
const passes = flags.find((flag) => flag.startsWith("--passes="))?.slice("--passes=".length);
const sets = new DataSets(kept ?? mkdtempSync(join(tmpdir(), "strata-bench-sets-")));

console.log(`Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown"}\n`);
console.log(row(["measure", "median", "p99", "yardstick", "ratio", ""]));
try {
  for (const measure of [...openMeasures, ...forkMeasures, ...checkpointMeasures]) {
    if (words.length > 0 && !words.some((word) => measure.name.includes(word))) continue;
    for (const result of await measure.run({
      sets,
      scale,
      passes: passes === undefined ? undefined : Number(passes),
    })) {
      const { name = measure.name, unit, middle, p99, yardstick, note = "" } = result;
      const ratio = yardstick === undefined ? "" : (middle / yardstick).toFixed(2);
      console.log(row([name, show(middle, unit), show(p99, unit), show(yardstick, unit), ratio, note]));
    }
  }
} finally {
  if (kept === undefined) sets.remove();
}

function show(number, unit) {
  if (number === undefined) return "";
  const digits = Math.abs(number) >= 100 ? 0 : Math.abs(number) >= 10 ? 1 : 2;
  return `${number.toFixed(digits)} ${unit}`;
}

function row([name, ...cells]) {
  return [name.padEnd(52), ...cells.slice(0, 4).map((cell) => cell.padStart(12)), ` ${cells[4]}`].join(" ");
}
