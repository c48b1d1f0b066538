import { CrashVfs } from "@strata/durability/testing";
import { expect, test } from "vitest";
import { joined } from "../test/bundle-host.js";
import { expectReplaysToAgree } from "../test/replay-oracle.js";
import { openSimulated } from "../test/simulated-database.js";
import { Database, EventLogStore, KvStore, StateCellStore } from "./index.js";

/** A run of every primitive, with a past, as a bundle. */
async function bundle(): Promise<{ readonly bytes: Uint8Array; readonly digest: string }> {
  const db = Database.ephemeral({ clock: { now: () => 1_700_000_000_000_000 } });
  db.runs.create("travelling", { why: "test" });
  const run = db.runs.must("travelling");
  for (let i = 0; i < 50; i++) {
    db.transaction(run, (t) => {
      new KvStore(t.scope("default")).put(`key-${i % 7}`, i);
      new EventLogStore(t.scope("logs")).append("step", { i });
      new StateCellStore(t.scope("default")).set("phase", i);
    });
  }
  db.history.tag(run, undefined, "mine");
  const view = db.at(run, "default", { version: run.version });
  return { bytes: await joined(db.bundles.export(run)), digest: view.digest({ history: true }) };
}

function digestOf(db: Database): string {
  const run = db.runs.must("travelling");
  const view = db.at(run, "default", { version: run.version });
  try {
    return view.digest({ history: true });
  } finally {
    view.dispose();
  }
}

test("a run that comes as a bundle is there after opening again, with its past, and goes on", async () => {
  const { bytes, digest } = await bundle();
  const vfs = new CrashVfs();
  let { db } = openSimulated(vfs);
  db.put("default", "own", 1);
  const info = await db.bundles.import([bytes]);
  expect(digestOf(db)).toBe(digest);
  expectReplaysToAgree(db);
  db.close();
  ({ db } = openSimulated(vfs, { seed: 2 }));
  expect(digestOf(db)).toBe(digest);
  expect(db.runs.get("travelling")).toEqual(info);
  expect(db.history.tags(db.runs.must("travelling")).map(({ name }) => name)).toEqual(["mine"]);
  const version = db.put("travelling", "key-1", "later");
  expect(version).toBeGreaterThan(info.version);
  db.fork(db.runs.must("travelling"), ["fork"]);
  await db.shutdown();
  ({ db } = openSimulated(vfs, { seed: 3 }));
  expect(db.get("fork", "key-1")).toBe("later");
  expect(new KvStore(db.head(db.runs.must("travelling"))).history("key-1")).toHaveLength(8);
  expectReplaysToAgree(db);
});

test("wherever the import or the power fails, the run is there whole or not at all", async () => {
  const { bytes, digest } = await bundle();
  const work = async (vfs: CrashVfs): Promise<boolean> => {
    try {
      const { db } = openSimulated(vfs);
      await db.bundles.import([bytes]);
      db.flush();
      return true;
    } catch (error) {
      if (!vfs.crashed) throw error;
      return false;
    }
  };
  const whole = new CrashVfs();
  await work(whole);
  let there = 0;
  for (let call = 1; call <= whole.calls; call++) {
    const vfs = new CrashVfs({ call, phase: "during", bytes: 40 });
    const isDone = await work(vfs);
    for (const left of [vfs.afterKill(), ...[1, 2, 3].map((seed) => vfs.afterPowerLoss({ model: "posix", seed }))]) {
      const { db } = openSimulated(left, { seed: call });
      const isThere = db.runs.exists("travelling");
      if (isThere) expect(digestOf(db)).toBe(digest);
      if (isDone) expect(isThere).toBe(true);
      if (isThere) there++;
      await db.checkpoint();
      expect(left.list("snapshots").length).toBeLessThan(5);
      db.close();
      const again = openSimulated(left, { seed: 1000 + call }).db;
      expect(again.runs.exists("travelling")).toBe(isThere);
      if (isThere) expect(digestOf(again)).toBe(digest);
    }
  }
  expect(there).toBeGreaterThan(0);
});

test("a name that was taken meanwhile leaves nothing behind", async () => {
  const { bytes } = await bundle();
  const vfs = new CrashVfs();
  const { db } = openSimulated(vfs);
  const importing = db.bundles.import([bytes]);
  db.runs.create("travelling");
  await expect(importing).rejects.toMatchObject({ code: "RUN_EXISTS" });
  expect(vfs.list("snapshots")).toEqual([]);
  expect(db.get("travelling", "key-1")).toBeUndefined();
});

test("in a database in memory a run comes as it is", async () => {
  const { bytes, digest } = await bundle();
  const db = Database.ephemeral();
  await db.bundles.import([bytes], { as: "travelling" });
  expect(digestOf(db)).toBe(digest);
  expectReplaysToAgree(db);
});
