#!/usr/bin/env -S node --expose-gc
/**
 * Search beside what people would use instead. `--quick` takes a tenth of the data; words choose measures by name; `--json=<file>` adds a line
 * for every result. Needs `node --expose-gc` for figures of memory. What is compared with is installed on first use.
 */
import { appendFileSync } from "node:fs";
import { cpus } from "node:os";
import { openMeasures } from "./search/open-measures.mjs";
import { peers } from "./search/peers.mjs";
import { textMeasures } from "./search/text-measures.mjs";
import { flatMeasures, graphMeasures, viewMeasures } from "./search/vector-measures.mjs";

const flags = process.argv.slice(2).filter((word) => word.startsWith("--"));
const words = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const scale = flags.includes("--quick") ? 0.1 : 1;
const file = flags.find((flag) => flag.startsWith("--json="))?.slice("--json=".length);
const require = peers();

const machine = `Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown"}`;
console.log(`${machine}\n`);
console.log(row(["", "median µs", "p99 µs", "recall", "build s", "docs/s", "MB", "× first"]));
for (const measure of [...flatMeasures, ...graphMeasures, ...viewMeasures, ...openMeasures, ...textMeasures]) {
  if (words.length > 0 && !words.some((word) => measure.name.includes(word))) continue;
  const results = await measure.run({ require, scale });
  console.log(`\n${measure.name}`);
  for (const result of results) {
    const { name, median, p99, recall, seconds, perSecond, megabytes } = result;
    const first = results.find((other) => group(other.name) === group(name));
    const ratio = median === undefined ? undefined : median / first.median;
    const cells = [
      show(median),
      show(p99),
      show(recall, 4),
      show(seconds),
      show(perSecond, 0),
      show(megabytes),
      show(ratio, 2),
    ];
    console.log(row([`  ${name}`, ...cells]));
    if (file !== undefined) {
      const { found, times, ...figures } = result;
      appendFileSync(
        file,
        `${JSON.stringify({ date: new Date().toISOString(), machine, measure: measure.name, scale, ...figures })}\n`,
      );
    }
  }
}

/** What is compared with each other: "2 terms" of "2 terms, MiniSearch". */
function group(name) {
  return name.includes(",") ? name.slice(0, name.indexOf(",")) : "";
}

function show(number, digits = 1) {
  return number === undefined ? "" : number.toFixed(digits);
}

function row([name, ...cells]) {
  return [name.padEnd(48), ...cells.map((cell) => cell.padStart(10))].join("");
}
