import { CrashVfs, type PowerLoss } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import type { Database } from "../src/index.js";
import { dump } from "./dump.js";
import { openSimulated } from "./simulated-database.js";
import { WORKLOAD } from "./workload.js";

/** Random power losses tried at each crash point, beside the systematic ones. More for long runs: `STRATA_CRASH_SEEDS=50`. */
const SEEDS = Number(process.env["STRATA_CRASH_SEEDS"] ?? 2);

/** How far a run of the workload got before the power failed. */
interface Progress {
  /** Steps that returned. */
  acknowledged: number;
  /** Of those, up to which everything was strict or before a strict one. */
  durable: number;
}

function work(vfs: CrashVfs, progress: Progress): void {
  try {
    const { db, time } = openSimulated(vfs);
    for (const [i, step] of WORKLOAD.entries()) {
      step.run(db);
      progress.acknowledged = i + 1;
      if (step.strict === true) progress.durable = i + 1;
      time.advance(7);
    }
    db.close();
    progress.durable = WORKLOAD.length;
  } catch (error) {
    if (!vfs.crashed) throw error;
  }
}

/** What a database shows after each number of steps. */
function statesOf(): string[] {
  const { db, time } = openSimulated(new CrashVfs());
  const states = [dump(db)];
  for (const step of WORKLOAD) {
    step.run(db);
    time.advance(7);
    states.push(dump(db));
  }
  return states;
}

const states = statesOf();
/** A database that was never created shows nothing of its own either. */
const callsInAll = (() => {
  const vfs = new CrashVfs();
  work(vfs, { acknowledged: 0, durable: 0 });
  return vfs.calls;
})();

/** Opens what the crash left and holds it against the promises: a whole prefix, with everything durable in it, that goes on working. */
function inspect(vfs: CrashVfs, atLeast: number, what: string): void {
  const { db } = openSimulated(vfs, { seed: 99 });
  const state = states.lastIndexOf(dump(db));
  expect(state, `${what}: what was recovered is no state the database ever had`).toBeGreaterThanOrEqual(0);
  expect(state, `${what}: acknowledged commits are missing`).toBeGreaterThanOrEqual(atLeast);
  const versions = versionsIn(db);
  const next = db.put("default", "later", 1);
  expect(next, `${what}: a version is used again`).toBeGreaterThan(Math.max(0, ...versions));
  const expected = dump(db);
  db.close();
  const again = openSimulated(vfs, { seed: 100 }).db;
  expect(dump(again), `${what}: recovering twice differs`).toBe(expected);
  again.close();
}

function versionsIn(db: Database): number[] {
  return db.runs.list().map((name) => db.runs.must(name).version);
}

function lossesAt(vfs: CrashVfs, salt: number): PowerLoss[] {
  const pending = vfs.pending.length;
  const losses: PowerLoss[] = [
    { model: "posix", keep: "none" },
    { model: "posix", keep: "all" },
  ];
  for (let drop = Math.max(0, pending - 4); drop < pending; drop++)
    losses.push({ model: "posix", drop }, { model: "ordered", kept: drop, tornBytes: 11 });
  for (let seed = 0; seed < SEEDS; seed++)
    losses.push({ model: "posix", seed: salt * 1000 + seed }, { model: "perFile", seed: salt * 1000 + seed });
  return losses;
}

describe("wherever the process or the power fails", () => {
  test.each(["before", "during", "after"] as const)(
    "%s a call that changes something, a whole prefix with every durable commit is recovered",
    (phase) => {
      let explored = 0;
      for (let call = 1; call <= callsInAll; call++) {
        const vfs = new CrashVfs({ call, phase, bytes: 5 });
        const progress: Progress = { acknowledged: 0, durable: 0 };
        work(vfs, progress);
        inspect(vfs.afterKill(), progress.acknowledged, `kill ${phase} call ${call}`);
        for (const loss of lossesAt(vfs, call)) {
          inspect(vfs.afterPowerLoss(loss), progress.durable, `${JSON.stringify(loss)} ${phase} call ${call}`);
          explored++;
        }
      }
      expect(explored).toBeGreaterThan(callsInAll);
    },
    120_000,
  );

  test("and when recovery itself is interrupted", () => {
    let nested = 0;
    for (let call = 3; call <= callsInAll; call += 7) {
      const first = new CrashVfs({ call, phase: "after" });
      const progress: Progress = { acknowledged: 0, durable: 0 };
      work(first, progress);
      for (let inner = 1; ; inner++) {
        const second = first.afterPowerLoss({ model: "posix", seed: call }, { call: inner, phase: "during", bytes: 3 });
        try {
          openSimulated(second, { seed: 5 });
        } catch (error) {
          if (!second.crashed) throw error;
        }
        if (!second.crashed) break;
        inspect(
          second.afterPowerLoss({ model: "posix", seed: inner }),
          progress.durable,
          `call ${call}, then ${inner} in recovery`,
        );
        nested++;
      }
    }
    expect(nested).toBeGreaterThan(50);
  }, 120_000);
});

test("fsyncs: strict has one a commit, buffered none on the caller", () => {
  const strict = new CrashVfs();
  const a = openSimulated(strict, { mode: "strict", segments: {} });
  const before = strict.syncs;
  for (let i = 0; i < 10; i++) a.db.put("default", `key-${i}`, i);
  expect(strict.syncs - before).toBe(10);

  const buffered = new CrashVfs();
  const b = openSimulated(buffered, { segments: {} });
  const begun = buffered.syncs;
  for (let i = 0; i < 10; i++) b.db.put("default", `key-${i}`, i);
  expect(buffered.syncs - begun).toBe(0);
  b.time.advance(200);
  expect(buffered.syncs - begun).toBe(1);
});

test("a log that was closed cleanly opens clean, and what the disk keeps is all that is needed", () => {
  const vfs = new CrashVfs();
  work(vfs, { acknowledged: 0, durable: 0 });
  const { db } = openSimulated(vfs.afterPowerLoss({ model: "posix", keep: "none" }));
  expect(dump(db)).toBe(states.at(-1));
  expect(db.info().recovery).toMatchObject({ tornBytes: 0, lost: [] });
});
