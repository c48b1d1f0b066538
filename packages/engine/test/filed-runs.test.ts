import { CrashVfs } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import type { Database } from "../src/index.js";
import { auditCheckpoint } from "./checkpoint-audit.js";
import { drive } from "./drive.js";
import { openSimulated } from "./simulated-database.js";
import { storesOf } from "./stores.js";

/** A database that is closed behind a checkpoint and opened again: all its runs lie in files, and nobody has asked for one. */
async function filed(vfs: CrashVfs, prepare: (db: Database) => void): Promise<Database> {
  const { db, time } = openSimulated(vfs);
  prepare(db);
  await drive(time, db.shutdown());
  return openSimulated(vfs, { seed: 2 }).db;
}

const on = (db: Database, run: string) => storesOf(db.head(db.runs.must(run)));

describe("runs that lie in files", () => {
  test("count for merges of others that contain them, though nobody has asked for them", async () => {
    const db = await filed(new CrashVfs(), (db) => {
      db.put("default", "seed", 0);
      db.fork(db.runs.must("default"), ["a", "b", "c"]);
      db.put("a", "shared", 1);
      db.algebra.merge("a", "b");
      db.algebra.merge("a", "c");
    });
    db.put("c", "shared", 2);
    expect(db.algebra.merge("c", "b")).toMatchObject({ applied: 1, conflicts: [] });
    expect(db.get("b", "shared")).toBe(2);
  });

  test("have had their times: later ones follow them, whatever the clock says", async () => {
    const vfs = new CrashVfs();
    const { db, time } = openSimulated(vfs);
    time.advance(60_000);
    db.put("default", "a", 1);
    await drive(time, db.shutdown());
    const again = openSimulated(vfs, { seed: 2 });
    expect(again.time.now()).toBeLessThan(time.now() - 50_000_000);
    again.db.put("default", "a", 2);
    const [before, after] = [...again.db.history.commits(again.db.runs.must("default"))].slice(-2);
    expect(after?.timestamp).toBeGreaterThanOrEqual(before?.timestamp as number);
  });

  test("forks that were read and never written have nothing of their own in files", async () => {
    const vfs = new CrashVfs();
    const { db, time } = openSimulated(vfs);
    const { events } = on(db, "default");
    events.append("note", { n: 1 });
    db.fork(db.runs.must("default"), ["fork"]);
    expect(on(db, "fork").events.len()).toBe(1);
    expect((await drive(time, db.checkpoint())).runs).toBe(2); // `_system` and the default run
    expect(on(db, "fork").events.len()).toBe(1);
    on(db, "fork").kv.put("own", 1);
    expect((await drive(time, db.checkpoint())).runs).toBe(1);
    expect(on(db, "fork").events.len()).toBe(1);
  });

  test("are gone for good when they are deleted, also where most of what files tell of runs is not written anew", async () => {
    const vfs = new CrashVfs();
    const { db, time } = openSimulated(vfs, { segments: {} });
    for (let i = 0; i < 150; i++) db.runs.create(`run-${i}`);
    await drive(time, db.checkpoint());
    for (let round = 0; round < 6; round++) {
      db.runs.delete(`run-${round}`);
      db.put("default", "round", round);
      await drive(time, db.checkpoint());
      auditCheckpoint(vfs, db.runs.list(), true);
    }
  });

  test.each([0, 100])(
    "lie in few segments, with %i others, however many small checkpoints there were",
    async (others) => {
      const vfs = new CrashVfs();
      const { db, time } = openSimulated(vfs, { segments: {} });
      for (let i = 0; i < others; i++) db.runs.create(`run-${i}`);
      for (let round = 0; round < 80; round++) {
        db.put("default", `key-${round % 7}`, round);
        if (round % 5 === 0) db.runs.create(`late-${round}`);
        await drive(time, db.checkpoint());
        // Those of the newest checkpoint, and those that the one before still needs.
        expect(vfs.list("snapshots").length).toBeLessThan(20);
      }
      auditCheckpoint(vfs, db.runs.list(), true);
    },
  );
});
