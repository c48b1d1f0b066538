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

/** A database in memory or on disk, filled, and what `run` makes of it. */
async function on(where, count, run) {
  const { Strata } = await import("stratadb");
  const dir = where === "on disk" ? mkdtempSync(join(tmpdir(), "strata-bench-")) : undefined;
  const db = dir === undefined ? Strata.cache() : Strata.open(dir, { checkpoint: "manual" });
  try {
    fill(db, count);
    return run(db);
  } finally {
    db.close();
    if (dir !== undefined) rmSync(dir, { recursive: true });
  }
}

/** What 10,000 forks take in a database that has no others: all of it, their names and what maps of so many have to spare included. */
function bytesEach(db, make) {
  db.runs.fork("default", "first");
  const before = memory();
  make(db.runs);
  db.kv.put(keyOf(0), 0);
  return (memory() - before) / FORKS;
}

const oneByOne = (runs) => {
  for (let i = 0; i < FORKS; i++) runs.fork("default", `fork-${i}`);
};
const allAtOnce = (runs) => {
  runs.forkMany(
    "default",
    Array.from({ length: FORKS }, (_, i) => `fork-${i}`),
  );
};

/** Forks of the filled run and puts of new keys to it, alternately. */
function timesOf(db) {
  const { runs, kv } = db;
  // As many as it takes until the calls are compiled.
  for (let i = 0; i < FORKS; i++) runs.fork("default", `warm-${i}`);
  for (let i = 0; i < FORKS; i++) kv.put(keyOf(i), 0);
  const us = [];
  const puts = [];
  for (let pass = 0; pass < PASSES; pass++) {
    us.push(...each(FORKS / PASSES, (i) => runs.fork("default", `fork-${pass}-${i}`)));
    puts.push(...each(FORKS / PASSES, (i) => kv.put(`put-${pass}-${i}`, i)));
  }
  return { us, puts };
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
      const count = 1e6 * scale;
      const { us, puts } = await on(where, count, timesOf);
      const bytes = await on(where, 10_000, (db) => bytesEach(db, oneByOne));
      const manyBytes = await on(where, 10_000, (db) => bytesEach(db, allAtOnce));
      const note = "each, while unchanged";
      return [
        { unit: "µs", middle: median(us), p99: quantile(us, 0.99), yardstick: median(puts), note: "one by one" },
        { name: `  10,000 of them, ${where}`, unit: "B", middle: bytes, note },
        { name: `  10,000 of them with forkMany, ${where}`, unit: "B", middle: manyBytes, note },
      ];
    },
  };
}

const deepReads = {
  name: "get through 64 levels of forks, warm (a flat get)",
  async run({ scale }) {
    const passes = await on("in memory", 1e6 * scale, (db) => throughLevels(db, 1e6 * scale));
    const deep = passes.map((pass) => pass.deep);
    const flat = median(passes.map((pass) => pass.flat));
    return [{ unit: "ns", middle: median(deep), p99: quantile(deep, 0.99), yardstick: flat, note: `${READS} keys` }];
  },
};

export const forkMeasures = [measure("in memory"), measure("on disk"), deepReads];
