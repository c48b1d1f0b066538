import { InlineSyncDriver, LogDurability } from "@strata/durability";
import { CrashVfs, ManualTime, type PowerLoss, SeededRandom, TINY_SEGMENTS } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import { checkpointerOf } from "../../test/checkpointer-of.js";
import { digestsOf, dump } from "../../test/dump.js";
import { openSimulated } from "../../test/simulated-database.js";
import { WORKLOAD } from "../../test/workload.js";
import type { Database } from "../index.js";
import type { WritingPolicy } from "./checkpoint-work.js";

/** Nothing is dropped. */
const KEEP_EVERYTHING: WritingPolicy = { isRewritten: () => false, keep: () => undefined, isHeld: () => false };

/** Random power losses tried at each crash point. More for long runs: `STRATA_CRASH_SEEDS=50`. */
const SEEDS = Number(process.env["STRATA_CRASH_SEEDS"] ?? 1);

function lossesAt(vfs: CrashVfs, salt: number): PowerLoss[] {
  const losses: PowerLoss[] = [
    { model: "posix", keep: "none" },
    { model: "posix", keep: "all" },
    { model: "ordered", kept: vfs.pending.length - 1, tornBytes: 11 },
  ];
  for (let seed = 0; seed < SEEDS; seed++) losses.push({ model: "posix", seed: salt * 1000 + seed });
  return losses;
}

/** A disk with a database of several segments, all of it durable. */
async function grown(): Promise<CrashVfs> {
  const vfs = new CrashVfs();
  const { db } = openSimulated(vfs);
  for (const [i, step] of WORKLOAD.entries()) {
    step.run(db);
    if (i % 8 === 0) await db.checkpoint();
  }
  db.fork(db.runs.must("default"), ["fork"]);
  db.put("fork", "own", 1);
  db.close();
  return vfs;
}

function seen(db: Database): string[] {
  return [dump(db), ...digestsOf(db)];
}

/** Runs `work` on the disk, cut off at each of its calls. */
async function atEveryCall(
  disk: CrashVfs,
  work: (vfs: CrashVfs) => Promise<void>,
  inspect: (vfs: CrashVfs, what: string) => Promise<void>,
): Promise<number> {
  const whole = disk.afterPowerLoss({ model: "posix", keep: "all" });
  await work(whole);
  for (let call = 1; call <= whole.calls; call++) {
    const vfs = disk.afterPowerLoss(
      { model: "posix", keep: "all" },
      { call, phase: call % 2 === 0 ? "before" : "after" },
    );
    await work(vfs).catch((error: unknown) => {
      if (!vfs.crashed) throw error;
    });
    await inspect(vfs.afterKill(), `killed at call ${call}`);
    for (const loss of lossesAt(vfs, call)) {
      await inspect(vfs.afterPowerLoss(loss), `call ${call}, ${JSON.stringify(loss)}`);
    }
  }
  return whole.calls;
}

describe("wherever the process or the power fails", () => {
  test("during a rewriting of everything, the database is what it was", async () => {
    const disk = await grown();
    const expected = seen(openSimulated(disk.afterKill(), { seed: 2 }).db);
    const calls = await atEveryCall(
      disk,
      async (vfs) => {
        const { db } = openSimulated(vfs, { seed: 3 });
        await checkpointerOf(db).rewriteAll(KEEP_EVERYTHING);
        db.close();
      },
      async (vfs, what) => {
        const { db } = openSimulated(vfs, { seed: 4 });
        expect(seen(db), what).toEqual(expected);
        expect(await db.verify(), what).toEqual({ ok: true, problems: [] });
        db.close();
      },
    );
    expect(calls).toBeGreaterThan(40);
  });

  test("during a backup, the copy is whole or empty, and the source what it was", async () => {
    const source = await grown();
    const { db } = openSimulated(source.afterKill(), { seed: 2 });
    await db.checkpoint();
    const expected = seen(db);
    const empty = dump(openSimulated(new CrashVfs()).db);
    const copied = new Set<boolean>();
    const calls = await atEveryCall(
      new CrashVfs(),
      async (vfs) => {
        const time = new ManualTime();
        const shared = { clock: time, timer: time, random: new SeededRandom(7), segments: TINY_SEGMENTS };
        await db.backup(new LogDurability(vfs, new InlineSyncDriver(vfs, time), shared));
      },
      async (vfs, what) => {
        const copy = openSimulated(vfs, { seed: 4 }).db;
        const isEmpty = dump(copy) === empty;
        if (!isEmpty) expect(seen(copy), what).toEqual(expected);
        expect((await copy.verify()).ok, what).toBe(true);
        copied.add(isEmpty);
        copy.close();
      },
    );
    expect(calls).toBeGreaterThan(10);
    expect(copied.size).toBe(2);
    expect(seen(db)).toEqual(expected);
  });
});
