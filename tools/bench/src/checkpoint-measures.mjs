/** Checkpoints of a large run while it is written to: what they write, how long the event loop stands still, what commits notice of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { bytesBelow } from "./data-sets.mjs";
import { median, quantile } from "./fresh-process.mjs";
import { keyOf, recordOf } from "./records.mjs";

const CHANGED = 10;
const PASSES = 7;

async function onDisk(run) {
  const { Strata } = await import("stratadb");
  const dir = mkdtempSync(join(tmpdir(), "strata-bench-"));
  const db = Strata.open(dir, { durability: "buffered", checkpoint: "manual" });
  try {
    return await run(db, dir);
  } finally {
    db.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

function fill(db, count) {
  for (let from = 0; from < count; from += 10_000) {
    db.transaction((txn) => {
      for (let i = from; i < from + 10_000; i++) txn.kv.put(keyOf(i), recordOf(i));
    });
  }
}

/**
 * Puts of single keys, one a turn of the event loop, until `done`: how long each took, and how long each turn, by the clock and by what the
 * process computed meanwhile. Microseconds.
 */
async function writing(db, count, done) {
  const commits = [];
  const turns = [];
  const computed = [];
  let last = performance.now();
  let lastCpu = process.cpuUsage();
  for (let i = 0; !done(i); i++) {
    const begun = performance.now();
    db.kv.put(keyOf((i * 7919) % count), i);
    const ended = performance.now();
    commits.push((ended - begun) * 1000);
    await turn();
    const now = performance.now();
    turns.push((now - last) * 1000);
    last = now;
    const cpu = process.cpuUsage();
    computed.push(cpu.user - lastCpu.user + cpu.system - lastCpu.system);
    lastCpu = cpu;
  }
  return { commits, turns, computed };
}

const longest = (numbers) => numbers.reduce((most, each) => Math.max(most, each), 0);

export const checkpointMeasures = [
  {
    name: "checkpoint of 10 changed keys of 1M (all of them)",
    run: ({ scale }) =>
      onDisk(async (db) => {
        const count = 1e6 * scale;
        fill(db, count);
        const begun = performance.now();
        const all = await db.checkpoint();
        const allMs = performance.now() - begun;
        const ms = [];
        const bytes = [];
        for (let pass = 0; pass < PASSES; pass++) {
          for (let i = 0; i < CHANGED; i++) db.kv.put(keyOf(((pass * CHANGED + i) * 104_729) % count), -i);
          const from = performance.now();
          bytes.push((await db.checkpoint()).bytes);
          ms.push(performance.now() - from);
        }
        return [
          { unit: "ms", middle: median(ms), p99: quantile(ms, 0.99), yardstick: allMs },
          { name: "  bytes of it", unit: "B", middle: median(bytes), p99: quantile(bytes, 0.99), yardstick: all.bytes },
        ];
      }),
  },
  {
    name: "longest stall in a checkpoint of 1M keys (idle)",
    run: ({ scale }) =>
      onDisk(async (db) => {
        const count = 1e6 * scale;
        fill(db, count);
        const warm = await writing(db, count, (i) => i === 20_000);
        const idle = await writing(db, count, (i) => i === 20_000);
        let isDone = false;
        const cpu = process.cpuUsage();
        const begun = performance.now();
        const checkpoint = db.checkpoint().then(() => {
          isDone = true;
        });
        const busy = await writing(db, count, () => isDone);
        await checkpoint;
        const ms = performance.now() - begun;
        const { user, system } = process.cpuUsage(cpu);
        const note = `${ms.toFixed(0)} ms in all, ${((user + system) / 1000).toFixed(0)} of them computing; ${busy.commits.length} commits`;
        const stalls = busy.turns.map((us) => us / 1000);
        return [
          {
            unit: "ms",
            middle: longest(stalls),
            p99: quantile(stalls, 0.99),
            yardstick: longest([...idle.turns, ...warm.turns]) / 1000,
            note,
          },
          {
            name: "  the same, computing only (idle)",
            unit: "ms",
            middle: longest(busy.computed) / 1000,
            p99: quantile(busy.computed, 0.99) / 1000,
            yardstick: longest([...idle.computed, ...warm.computed]) / 1000,
            note: "all threads; where the machine has other work, the clock shows that too",
          },
          {
            name: "  p99 of commits meanwhile (idle)",
            unit: "µs",
            middle: quantile(busy.commits, 0.99),
            p99: quantile(busy.commits, 0.999),
            yardstick: quantile(idle.commits, 0.99),
            note: `median ${median(busy.commits).toFixed(1)} against ${median(idle.commits).toFixed(1)}; second column p99.9`,
          },
        ];
      }),
  },
  {
    name: "bytes on disk (bytes retained)",
    run: ({ scale }) =>
      onDisk(async (db, dir) => {
        const keys = 100_000 * scale;
        const rounds = 3;
        for (let round = 0; round < rounds; round++) {
          for (let from = 0; from < keys; from += 1000) {
            db.transaction((txn) => {
              for (let i = from; i < from + 1000; i++) txn.kv.put(keyOf(i), `${round}:${i}:`.padEnd(1000, "x"));
            });
          }
          await db.checkpoint();
        }
        // Log that the checkpoint before the last one needed goes with the next one.
        db.kv.put(keyOf(0), "last");
        await db.checkpoint();
        const retained = keys * (rounds * 1000 + keyOf(0).length);
        const note = `${keys} keys of 1000 bytes, written ${rounds} times, all kept, a checkpoint after each time`;
        return [{ unit: "MB", middle: bytesBelow(dir) / 1e6, yardstick: retained / 1e6, note }];
      }),
  },
];
