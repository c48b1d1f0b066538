/**
 * What a fresh process does, and how long it takes: `node probe.mjs <name> <directory> <count>` prints one line of JSON. `ms` is what counts;
 * the package has been imported before the clock starts, and what that took is `importMs`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checksum, keyOf } from "./records.mjs";

const BEGUN = performance.now();
const { Strata } = await import("stratadb");
const importMs = performance.now() - BEGUN;

const [, , name, dir, text] = process.argv;
const count = Number(text);
/** As most programs open a database; only that nothing is written behind the back of what is measured. */
let figures = {};
const options = { checkpoint: "manual" };

/** Milliseconds of `work`; `cpuMs` is what all threads of the process computed meanwhile: it hardly depends on what else the machine does. */
function timed(work) {
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const result = work();
  const ms = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  figures = { ms, cpuMs: (user + system) / 1000, perSecond: count / (ms / 1000) };
  return result;
}

function memory() {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + Math.max(external, arrayBuffers);
}

function must(condition) {
  if (!condition) throw new Error(`${name}: not what was written`);
}

function mustGet(db, key) {
  must(db.kv.get(key) !== undefined);
}

const PROBES = {
  open() {
    const before = memory();
    const db = timed(() => Strata.open(dir, options));
    const kb = (memory() - before) / 1024;
    must(db.runs.exists("run-000500"));
    return { kb, db };
  },
  openAndGet() {
    const db = timed(() => {
      const opened = Strata.open(dir, options);
      mustGet(opened, keyOf(count >> 1));
      return opened;
    });
    return { db };
  },
  openAndScan() {
    const db = timed(() => {
      const opened = Strata.open(dir, options);
      let seen = 0;
      for (const entry of opened.kv.entries()) seen += entry[1] === undefined ? 0 : 1;
      must(seen === count);
      return opened;
    });
    return { db };
  },
  openAndGetAll() {
    const db = timed(() => {
      const opened = Strata.open(dir, options);
      for (let i = 0; i < count; i++) mustGet(opened, keyOf(i));
      return opened;
    });
    return { db };
  },
  replayOnly() {
    const before = memory();
    const db = timed(() => Strata.open(dir, options));
    must(db.info().recovery.commits >= count);
    return { kb: (memory() - before) / 1024, db };
  },
  /** One get of each of the 100 runs. */
  openAndGetSpread() {
    const db = timed(() => {
      const opened = Strata.open(dir, options);
      for (let run = 0; run < 100; run++) must(opened.in({ run: `run-${run}` }).kv.get(keyOf(run)) === run);
      return opened;
    });
    return { db };
  },
  /** Yardstick: the bare log into a `Map`, every record checked. */
  bareReplay() {
    const result = timed(() => {
      const bytes = readFileSync(join(dir, "log"));
      const map = new Map();
      for (let at = 0; at < bytes.length; ) {
        const keyEnd = at + 8 + bytes.readUInt16LE(at + 4);
        const end = keyEnd + bytes.readUInt16LE(at + 6);
        must(checksum(bytes, at + 4, end) === bytes.readUInt32LE(at));
        map.set(bytes.latin1Slice(at + 8, keyEnd), JSON.parse(bytes.latin1Slice(keyEnd, end)));
        at = end;
      }
      return map;
    });
    must(result.size === count);
    return {};
  },
  /** Yardstick: everything as one JSON text. */
  parse() {
    const before = memory();
    const result = timed(() => JSON.parse(readFileSync(join(dir, "all.json"), "utf8")));
    const kb = (memory() - before) / 1024;
    must(Object.keys(result).length === count);
    return { kb };
  },
};

const { db, ...more } = PROBES[name]();
// A database that was closed in good order is left so.
db?.close();
console.log(JSON.stringify({ ...figures, ...more, importMs }));
