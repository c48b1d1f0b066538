#!/usr/bin/env node
/** Runs the measures whose names contain one of the arguments, all of them without arguments, and prints a table. */
import { cpus } from "node:os";
import { measures } from "./measures.mjs";
import { Runner } from "./runner.mjs";

const wanted = process.argv.slice(2);
const runner = new Runner();

console.log(`Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? "unknown"}\n`);
console.log(["measure".padEnd(46), "per second", "   p50 µs", "   p99 µs", "  yardstick", " ratio"].join(" "));
for (const measure of measures) {
  if (wanted.length > 0 && !wanted.some((word) => measure.name.includes(word))) continue;
  const result = await runner.run(measure);
  console.log(
    [
      measure.name.padEnd(46),
      rate(result.perSecond).padStart(10),
      micros(result.p50).padStart(9),
      micros(result.p99).padStart(9),
      (result.yardstick === undefined ? "" : rate(result.yardstick)).padStart(11),
      (result.yardstick === undefined ? "" : (result.perSecond / result.yardstick).toFixed(2)).padStart(6),
    ].join(" "),
  );
}

function rate(perSecond) {
  if (perSecond >= 1e6) return `${(perSecond / 1e6).toFixed(2)}M`;
  return perSecond >= 1e4 ? `${(perSecond / 1e3).toFixed(0)}k` : perSecond.toFixed(1);
}

function micros(ns) {
  return ns === undefined ? "" : (ns / 1000).toFixed(2);
}
