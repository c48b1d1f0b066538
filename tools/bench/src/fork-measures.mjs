/** Forks of a large run, in memory and on disk: what making one takes, what it keeps, and what reading through many costs. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median, quantile } from "./fresh-process.mjs";
import { keyOf, recordOf } from "./records.mjs";

const FORKS = 10_000;
const PASSES = 5;
const LEVELS = 64;
const READS = 2_000;
const READ_PASSES = 400;

/** Every call timed alone: what interrupts the process falls on few of them. Microseconds. */
function each(calls, work) {
  const us = new Float64Array(calls);
  for (let i = 0; i < calls; i++) {
    const begun = process.hrtime.bigint();
    work(i);
    us[i] = Number(process.hrtime.bigint() - begun) / 1000;
  }
  return us;
}

function fill(db, count) {
  for (let from = 0; from < count; from += 10_000) {
    db.transaction((txn) => {
      for (let i = from; i < from + 10_000; i++) txn.kv.put(keyOf(i), recordOf(i));
    });
  }
}

/** Bytes in use after everything else is gone; needs `--expose-gc` and is about right without. */
function memory() {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function forks(Strata, where, count) {
  const dir = where === "on disk" ? mkdtempSync(join(tmpdir(), "strata-bench-")) : undefined;
  const db = dir === undefined ? Strata.cache() : Strata.open(dir, { checkpoint: "manual" });
  fill(db, count);
  const { runs, kv } = db;
  // As many as it takes until the calls are compiled.
  for (let i = 0; i < FORKS; i++) runs.fork("default", `warm-${i}`);
  runs.forkMany(
    "default",
    Array.from({ length: FORKS }, (_, i) => `warm-many-${i}`),
  );
  for (let i = 0; i < FORKS; i++) kv.put(keyOf(i), 0);
  const us = [];
  const puts = [];
  let bytes = 0;
  for (let pass = 0; pass < PASSES; pass++) {
    const before = memory();
    // Names of their own are part of what a fork takes.
    us.push(...each(FORKS / PASSES, (i) => runs.fork("default", `fork-${pass}-${i}`)));
    bytes += memory() - before;
    puts.push(...each(FORKS / PASSES, (i) => kv.put(`put-${pass}-${i}`, i)));
  }
  const before = memory();
  runs.forkMany(
    "default",
    Array.from({ length: FORKS }, (_, i) => `many-${i}`),
  );
  const manyBytes = memory() - before;
  const levels = dir === undefined ? throughLevels(db, count) : [];
  db.close();
  if (dir !== undefined) rmSync(dir, { recursive: true });
  return { us, puts, bytes: bytes / FORKS, manyBytes: manyBytes / FORKS, levels };
}

/** Reads of the same keys, flat and through 64 levels that each wrote something, alternately; nanoseconds. */
function throughLevels(db, count) {
  let name = "default";
  for (let level = 0; level < LEVELS; level++) {
    const next = `level-${level}`;
    db.runs.fork(name, next);
    name = next;
    db.in({ run: name }).kv.put(`own-${level}`, level);
  }
  const flat = db.in({ run: "default" }).kv;
  const deep = db.in({ run: name }).kv;
  const step = Math.floor(count / READS);
  const keys = Array.from({ length: READS }, (_, i) => keyOf(i * step));
  const read = (kv) => {
    const begun = process.hrtime.bigint();
    for (const key of keys) if (kv.get(key) === undefined) throw new Error("a key is missing");
    return Number(process.hrtime.bigint() - begun) / READS;
  };
  const passes = [];
  for (let pass = 0; pass < READ_PASSES; pass++) passes.push({ flat: read(flat), deep: read(deep) });
  return passes.slice(READ_PASSES / 4);
}

function measure(where) {
  return {
    name: `fork a run of 1M keys, ${where} (a put)`,
    async run({ scale }) {
      const { Strata } = await import("stratadb");
      const { us, puts, bytes, manyBytes, levels } = await forks(Strata, where, 1e6 * scale);
      const yardstick = median(puts);
      const results = [
        { unit: "µs", middle: median(us), p99: quantile(us, 0.99), yardstick, note: "one after the other" },
        { name: `  10,000 of them, ${where}`, unit: "B", middle: bytes, note: "each, while unchanged" },
        {
          name: `  10,000 of them with forkMany, ${where}`,
          unit: "B",
          middle: manyBytes,
          note: "each, while unchanged",
        },
      ];
      if (levels.length > 0) {
        const deep = levels.map((pass) => pass.deep);
        const flat = median(levels.map((pass) => pass.flat));
        const name = "  get through 64 levels, warm (a flat get)";
        results.push({ name, unit: "ns", middle: median(deep), p99: quantile(deep, 0.99), yardstick: flat });
      }
      return results;
    },
  };
}

export const forkMeasures = [measure("in memory"), measure("on disk")];
