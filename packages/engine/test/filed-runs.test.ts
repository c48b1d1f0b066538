import { CrashVfs } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import type { Database } from "../src/index.js";
import { auditCheckpoint } from "./checkpoint-audit.js";
import { drive, nothingLeft } from "./drive.js";
import { good } from "./sample-bundles.js";
import { openSimulated } from "./simulated-database.js";
import { SlicingTime } from "./slicing-time.js";
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

  test("keep their data when only their rows change, and nobody asks for them before the next checkpoint", async () => {
    const vfs = new CrashVfs();
    let { db, time } = openSimulated(vfs);
    db.runs.create("job");
    db.put("job", "key", "value");
    await drive(time, db.checkpoint());
    db.runs.setStatus("job", "completed", "done");
    const left = vfs.afterKill();
    ({ db, time } = openSimulated(left, { seed: 2 }));
    await drive(time, db.shutdown());
    ({ db } = openSimulated(left, { seed: 3 }));
    expect(db.runs.get("job")).toMatchObject({ status: "completed", meta: { reason: "done" } });
    expect(db.get("job", "key")).toBe("value");
  });

  test("stay where they are as long as somebody reads a replay of them", async () => {
    const vfs = new CrashVfs();
    const { db, time } = openSimulated(vfs, { segments: {} });
    const write = (what: number) =>
      on(db, "default").kv.putMany(keys.map((key): [string, string] => [key, `${what}`.repeat(50)]));
    const keys = Array.from({ length: 2_000 }, (_, i) => `key-${i}`);
    // In a file of its own, apart from the registry, which stays where it is.
    await drive(time, db.checkpoint());
    write(0);
    await drive(time, db.checkpoint());
    const replayed = db.replayRun("default");
    for (let round = 1; round < 5; round++) {
      write(round);
      await drive(time, db.checkpoint());
    }
    const table = replayed.table("kv");
    expect(new Set(keys.map((key) => table.get(key)))).toEqual(new Set(["0".repeat(50)]));
    replayed.dispose();
    db.put("default", "last", 1);
    await drive(time, db.checkpoint());
    auditCheckpoint(vfs, db.runs.list(), true);
  });

  test("may come with a file in the middle of the first checkpoint, which removes what was left over", async () => {
    for (let pause = 0; pause < 28; pause += 3) {
      const vfs = new CrashVfs();
      const time = new SlicingTime();
      const { db } = openSimulated(vfs, { time });
      // A pause behind each of them.
      for (let i = 0; i < 20; i++) db.runs.create(`run-${i}`);
      for (let i = 0; i < 20; i++) db.put(`run-${i}`, "key", i);
      time.isSlicing = true;
      let underWay: Promise<unknown>[] = [];
      const begin = (work: Promise<unknown>) => {
        underWay.push(work);
        void work.then(() => {
          underWay = underWay.filter((other) => other !== work);
        });
      };
      begin(db.checkpoint());
      for (let pauses = 0; underWay.length > 0 || pauses <= pause; pauses++) {
        if (pauses === pause) begin(db.bundles.import([good]));
        await nothingLeft();
        time.advance(0);
      }
      time.isSlicing = false;
      const left = openSimulated(vfs.afterKill(), { seed: 2 }).db;
      expect(left.get("job", "a"), `imported in pause ${pause}`).toBe(1);
      left.close();
      await drive(time, db.checkpoint());
      auditCheckpoint(vfs, db.runs.list(), true);
      db.close();
      expect(openSimulated(vfs, { seed: 3 }).db.get("job", "a")).toBe(1);
    }
  });

  test.each([false, true])(
    "count once for what they take there, when they came with a file (reopened: %s)",
    async (reopens) => {
      const vfs = new CrashVfs();
      let { db, time } = openSimulated(vfs);
      await drive(time, db.bundles.import([good]));
      if (reopens) {
        db.close();
        ({ db, time } = openSimulated(vfs, { seed: 2 }));
      }
      await drive(time, db.checkpoint());
      auditCheckpoint(vfs, ["default", "job"], true);
      db.runs.delete("job");
      for (let round = 0; round < 2; round++) {
        db.put("default", "round", round);
        await drive(time, db.checkpoint());
      }
      auditCheckpoint(vfs, ["default"], true);
    },
  );
});
