import { CrashVfs } from "@strata/durability/testing";
import { describe, expect, test } from "vitest";
import { openSimulated } from "../test/simulated-database.js";
import { Database, KvStore, keepLast, StateCellStore } from "./index.js";

function bytesIn(vfs: CrashVfs, directories: readonly string[] = ["wal", "snapshots"]): number {
  let bytes = 0;
  for (const directory of directories)
    for (const name of vfs.list(directory)) bytes += vfs.size(`${directory}/${name}`) ?? 0;
  return bytes;
}

describe("compact", () => {
  test("drops from files what the policy of a run does not keep, and says how much", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs);
    for (let i = 0; i < 400; i++) db.put("default", `key-${i % 4}`, `value ${i} ${"x".repeat(100)}`);
    await db.checkpoint();
    const before = bytesIn(vfs);
    const inFiles = bytesIn(vfs, ["snapshots"]);
    db.runs.setRetention("default", keepLast(2));
    const info = await db.compact();
    expect(info.versionsDropped).toBe(400 - 4 * 2);
    expect(bytesIn(vfs, ["snapshots"])).toBeLessThan(inFiles / 10);
    expect(info.bytesFreed).toBeGreaterThan(inFiles * 0.9);
    expect(bytesIn(vfs)).toBeLessThan(before - inFiles * 0.9);
    expect(new KvStore(db.head(db.runs.must("default"))).history("key-3")).toHaveLength(2);
    expect(() => new KvStore(db.at(db.runs.must("default"), "default", { version: 20 }) as never).get("key-3")).toThrow(
      expect.objectContaining({ code: "HISTORY_TRIMMED" }),
    );
    db.close();
    const again = openSimulated(vfs, { seed: 2 }).db;
    expect(again.get("default", "key-3")).toContain("value 399");
    expect(new KvStore(again.head(again.runs.must("default"))).history("key-3")).toHaveLength(2);
  });

  test("removes keys whose time to live is over, wherever they lie, where history is trimmed", async () => {
    const vfs = new CrashVfs();
    const { db, time } = openSimulated(vfs);
    db.runs.setRetention("default", keepLast(1));
    const kv = new KvStore(db.head(db.runs.must("default")));
    for (let i = 0; i < 30; i++) kv.put(`session-${i}`, "x".repeat(500), i < 25 ? { ttlMs: 50 } : {});
    await db.shutdown();
    const { db: again, time: later } = openSimulated(vfs, { seed: 2 });
    later.advance(time.now() / 1000 + 1000 - later.now() / 1000);
    expect(again.info().keys).toBe(30);
    await again.compact();
    expect(again.info().keys).toBe(5);
    expect(bytesIn(vfs, ["snapshots"])).toBeLessThan(10 * 500);
    const [removal] = again.history.commits(again.runs.must("default"), { reverse: true, limit: 1 });
    expect(removal?.message).toBe("expired keys removed");
    expect(new KvStore(again.head(again.runs.must("default"))).list()).toHaveLength(5);
    await again.compact();
    expect(again.info().keys).toBe(5);
  });

  test("keeps what a tag, a fork and a view see", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs);
    db.runs.setRetention("default", keepLast(1));
    const run = db.runs.must("default");
    const seen: { version: number; value: number }[] = [];
    let view: { dispose(): void } | undefined;
    for (let i = 0; i < 50; i++) {
      const version = db.put("default", "key", i);
      if (i === 10) db.history.tag(run, undefined, "ten");
      if (i === 20) db.fork(run, ["twenty"]);
      if (i === 30) view = db.at(run);
      if (i === 10 || i === 30) seen.push({ version, value: i });
    }
    await db.compact();
    expect(db.get("twenty", "key")).toBe(20);
    for (const { version, value } of seen)
      expect(new KvStore(db.at(run, "default", { version }) as never).get("key")).toBe(value);
    view?.dispose();
    await db.compact();
    expect(new KvStore(db.at(run, "default", { tag: "ten" }) as never).get("key")).toBe(10);
    expect(db.get("twenty", "key")).toBe(20);
  });

  test("with erase leaves no byte of what was deleted, in the log or in files, and nothing else changes", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs);
    db.runs.setRetention("default", keepLast(1));
    db.put("default", "secret", "the-password-is-swordfish");
    for (let i = 0; i < 20; i++) db.put("default", `other-${i}`, i);
    await db.checkpoint();
    db.delete("default", "secret");
    db.runs.create("gone");
    db.put("gone", "secret", "swordfish-too");
    db.runs.delete("gone");
    await db.compact({ erase: true });
    for (const directory of ["wal", "snapshots"])
      for (const name of vfs.list(directory)) expect(textOf(vfs, `${directory}/${name}`)).not.toContain("swordfish");
    expect(db.get("default", "other-7")).toBe(7);
    expect(db.get("default", "secret")).toBeUndefined();
    db.close();
    const again = openSimulated(vfs, { seed: 2 }).db;
    expect(again.get("default", "other-7")).toBe(7);
    expect(await again.verify()).toEqual({ ok: true, problems: [] });
  });

  test("packs what is left of files of which little is in use, by itself", async () => {
    const vfs = new CrashVfs();
    const { db } = openSimulated(vfs, { segments: {} });
    for (let i = 0; i < 40; i++) {
      db.runs.create(`run-${i}`);
      db.put(`run-${i}`, "data", "x".repeat(60_000));
    }
    await db.checkpoint();
    for (let i = 0; i < 40; i++) if (i % 20 !== 0) db.runs.delete(`run-${i}`);
    for (let round = 0; round < 4; round++) {
      db.put("default", "round", round);
      await db.checkpoint();
    }
    const inFiles = vfs.list("snapshots").reduce((sum, name) => sum + (vfs.size(`snapshots/${name}`) ?? 0), 0);
    expect(inFiles).toBeLessThan(400_000);
    expect(db.get("run-20", "data")).toHaveLength(60_000);
  });

  test("in memory drops what it drops, and has no files", async () => {
    const db = Database.ephemeral();
    for (let i = 0; i < 15; i++) new StateCellStore(db.head(db.runs.must("default"))).set("counter", i);
    db.runs.setRetention("default", keepLast(3));
    expect(await db.compact()).toEqual({ versionsDropped: 12, bytesFreed: 0 });
  });
});

function textOf(vfs: CrashVfs, path: string): string {
  const bytes = new Uint8Array(vfs.size(path) ?? 0);
  const file = vfs.open(path, "read");
  file.read(bytes, 0);
  file.close();
  return Buffer.from(bytes).toString("latin1");
}
