import { CrashVfs } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import { digestsOf, dump } from "../../test/dump.js";
import { expectReplaysToAgree } from "../../test/replay-oracle.js";
import { openSimulated } from "../../test/simulated-database.js";
import { WORKLOAD } from "../../test/workload.js";
import { EventLogStore, KvStore } from "../index.js";

function namesIn(vfs: CrashVfs, directory: string): string[] {
  return vfs.list(directory);
}

function sizeOf(vfs: CrashVfs, snapshot: string): number {
  return vfs.size(`snapshots/${snapshot}`) ?? 0;
}

function bytesIn(vfs: CrashVfs, directory: string): number {
  return namesIn(vfs, directory).reduce((sum, name) => sum + (vfs.size(`${directory}/${name}`) ?? 0), 0);
}

describe("a checkpoint", () => {
  test("changes nothing that can be read, then or after opening again", async () => {
    const vfs = new CrashVfs();
    const { db, time } = openSimulated(vfs);
    for (const step of WORKLOAD) {
      step.run(db);
      time.advance(5);
      const before = [dump(db), ...digestsOf(db)];
      await db.checkpoint();
      expect([dump(db), ...digestsOf(db)], step.what).toEqual(before);
    }
    expectReplaysToAgree(db);
    const before = [dump(db), ...digestsOf(db)];
    db.close();
    const again = openSimulated(vfs, { seed: 2 }).db;
    expect(again.info().recovery?.commits).toBe(0);
    expect([dump(again), ...digestsOf(again)]).toEqual(before);
    expectReplaysToAgree(again);
  });

  test("is what the next opening begins with: only what followed it is read from the log", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs);
    for (let i = 0; i < 100; i++) db.put("default", `key-${i}`, i);
    const info = await db.checkpoint();
    expect(info.runs).toBe(2); // the run and `_system`
    for (let i = 0; i < 3; i++) db.put("default", `later-${i}`, i);
    const before = [dump(db), ...digestsOf(db)];
    db.close();
    const again = openSimulated(vfs, { seed: 2 }).db;
    expect(again.info().recovery?.commits).toBe(3);
    expect([dump(again), ...digestsOf(again)]).toEqual(before);
  });

  test("of nothing new does nothing", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs);
    db.put("default", "a", 1);
    await db.checkpoint();
    const calls = vfs.calls;
    expect(await db.checkpoint()).toEqual({ runs: 0, bytes: 0, logBytesRetired: 0 });
    expect(vfs.calls).toBe(calls);
  });

  test("shortens the log behind the one before it, and leaves few files", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs);
    let retired = 0;
    for (let round = 0; round < 30; round++) {
      for (let i = 0; i < 40; i++) db.put("default", `key-${i}`, "x".repeat(100));
      retired += (await db.checkpoint()).logBytesRetired;
    }
    expect(retired).toBeGreaterThan(100_000);
    expect(bytesIn(vfs, "wal")).toBeLessThan(60_000);
    expect(namesIn(vfs, "snapshots").length).toBeLessThan(40);
    expect([...new KvStore(db.head(db.runs.must("default"))).history("key-7")]).toHaveLength(30);
  });

  test("costs what was changed, not what there is", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs, { segments: {} });
    const run = db.runs.must("default");
    new KvStore(db.head(run)).putMany(Array.from({ length: 20_000 }, (_, i) => [`key-${i}`, i] as const));
    const whole = await db.checkpoint();
    for (let i = 0; i < 10; i++) db.put("default", `key-${i}`, "new");
    const delta = await db.checkpoint();
    expect(delta.bytes).toBeLessThan(whole.bytes / 100);
    expect(db.get("default", "key-3")).toBe("new");
    expect(db.get("default", "key-19999")).toBe(19_999);
  });

  test("leaves runs that nobody asks for in their files", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs, { segments: {} });
    for (let i = 0; i < 200; i++) {
      db.runs.create(`run-${i}`);
      db.put(`run-${i}`, "who", i);
    }
    db.fork(db.runs.must("run-7"), ["fork"]);
    await db.shutdown();
    const again = openSimulated(vfs, { seed: 2, segments: {} }).db;
    expect([...again.runs.live.loaded()].map(({ name }) => name)).toEqual(["default"]);
    expect(again.runs.list()).toHaveLength(202);
    expect(again.info()).toMatchObject({ runs: 202, keys: 201 });
    expect(again.get("fork", "who")).toBe(7);
    expect([...again.runs.live.loaded()].map(({ name }) => name)).toEqual(["default", "fork"]);
    expect(again.runs.delete("run-7")).toEqual({ heldBy: ["fork"] });
    expect(again.get("fork", "who")).toBe(7);
  });

  test("keeps what forks see of deleted runs, and lets it go with the last of them", async () => {
    const vfs = new CrashVfs();
    let { db } = openSimulated(vfs);
    db.runs.create("parent");
    db.put("parent", "inherited", "x".repeat(5000));
    db.fork(db.runs.must("parent"), ["child", "other"]);
    db.put("child", "own", 1);
    await db.checkpoint();
    db.runs.delete("parent");
    await db.shutdown();
    ({ db } = openSimulated(vfs, { seed: 2 }));
    expect(db.get("child", "inherited")).toHaveLength(5000);
    expectReplaysToAgree(db);
    const withParent = bytesIn(vfs, "snapshots");
    db.runs.delete("child");
    db.runs.delete("other");
    for (let round = 0; round < 3; round++) {
      db.put("default", "round", round);
      await db.checkpoint();
    }
    expect(bytesIn(vfs, "snapshots")).toBeLessThan(withParent - 4000);
    expect(db.runs.list()).toEqual(["default"]);
  });

  test("goes on with a log of events where the last one ended", async () => {
    const vfs = new CrashVfs();
    let { db } = openSimulated(vfs);
    for (let round = 0; round < 4; round++) {
      const events = new EventLogStore(db.head(db.runs.must("default")));
      for (let i = 0; i < 20; i++) events.append(i % 3 === 0 ? "third" : "other", { round, i });
      await db.shutdown();
      ({ db } = openSimulated(vfs, { seed: round + 2 }));
    }
    const events = new EventLogStore(db.head(db.runs.must("default")));
    expect(events.verify()).toMatchObject({ valid: true, length: 80 });
    expect(events.readByType("third", { reverse: true, limit: 2 }).map(({ sequence }) => sequence)).toEqual([78, 75]);
  });

  test("is not taken of a database in memory", async () => {
    const { Database } = await import("../index.js");
    await expect(Database.ephemeral().checkpoint()).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  test("of a run that is damaged afterwards does not keep the database from saying how it is", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs, { segments: {} });
    for (let i = 0; i < 40; i++) db.put("default", `key-${i}`, "x".repeat(60_000));
    db.fork(db.runs.must("default"), ["fork"]);
    db.runs.create("sound");
    db.put("sound", "key", 1);
    await db.shutdown();
    const [largest] = namesIn(vfs, "snapshots").sort((a, b) => sizeOf(vfs, b) - sizeOf(vfs, a));
    const file = vfs.open(`snapshots/${largest}`, "readWrite");
    file.write(new Uint8Array(sizeOf(vfs, largest as string)), 0, sizeOf(vfs, largest as string), 0);
    file.close();
    const again = openSimulated(vfs, { seed: 2, segments: {} }).db;
    expect(() => again.get("default", "key-1")).toThrow(expect.objectContaining({ code: "SNAPSHOT_CORRUPT" }));
    expect(again.info().runs).toBe(3);
    expect(again.get("sound", "key")).toBe(1);
  });
});
